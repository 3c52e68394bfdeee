"""A1111's answer to a drawing call: `images`, `parameters`, and `info`, which is JSON inside a string."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from prompts.language.networks import write_loras
from prompts.metadata import format_infotext
from prompts.spell import Spell
from service.catalogue import CheckpointInfo
from service.compat.a1111.desk import OpenCall
from service.compat.a1111.options import Options
from service.compat.a1111.schemas import DrawIn, Img2ImgIn
from service.compat.pictures_out import all_base64
from service.jobs import ImageRecord, Job
from service.product import PRODUCT, product_version
from service.services import Services

NOT_ECHOED = ("init_images", "mask", "latent_mask")


async def drawn(services: Services, body: DrawIn, options: Options, job: Job) -> list[str]:
    """The job's finished pictures as base64; none when the client wants none."""
    if not body.send_images:
        return []
    records = await services.generation.images(job.id)
    files = [await services.gallery.read(record) for record in records]
    return await asyncio.to_thread(all_base64, files, options.picture_format)


def parameters(body: DrawIn) -> dict[str, Any]:
    """The request as A1111 sends it back."""
    echo = body.model_dump(mode="json")
    if isinstance(body, Img2ImgIn) and not body.include_init_images:
        echo |= dict.fromkeys(NOT_ECHOED)
    return echo


def info(
    job: Job, call: OpenCall, body: DrawIn, records: Sequence[ImageRecord], checkpoint: CheckpointInfo, notes: list[str]
) -> str:
    """The JSON string; `notes` and `job_id` are ours."""
    spells = [record.spell for record in records]
    first = spells[0] if spells else job.slot_spell(0)
    params = first.params
    shown = spells or [first]
    pairs = dict(first.extra)
    return json.dumps(
        {
            "prompt": body.prompt,
            "all_prompts": [write_loras(s.prompt, s.loras) for s in shown],
            "negative_prompt": body.negative_prompt,
            "all_negative_prompts": [s.negative_prompt for s in shown],
            "seed": params.seed,
            "all_seeds": [s.params.seed for s in shown],
            "subseed": _subseed(first),
            "all_subseeds": [_subseed(s) for s in shown],
            "subseed_strength": body.subseed_strength,
            "width": records[0].width if records else params.width,
            "height": records[0].height if records else params.height,
            "sampler_name": params.sampler,
            "scheduler": params.schedule_type,
            "cfg_scale": params.cfg_scale,
            "steps": params.steps,
            "batch_size": body.batch_size,
            "restore_faces": False,
            "face_restoration_model": None,
            "sd_model_name": params.checkpoint,
            "sd_model_hash": params.checkpoint_hash or checkpoint.sha256[:10] or None,
            "sd_vae_name": None,
            "sd_vae_hash": None,
            "seed_resize_from_w": body.seed_resize_from_w,
            "seed_resize_from_h": body.seed_resize_from_h,
            "denoising_strength": _denoising_strength(job),
            "extra_generation_params": {key: value for key, value in pairs.items() if key != "Version"},
            "index_of_first_image": 0,
            "infotexts": [format_infotext(s) for s in spells],
            "styles": body.styles,
            "job_timestamp": call.started,
            "clip_skip": params.clip_skip,
            "is_using_inpainting_conditioning": False,
            "version": f"{PRODUCT} {product_version()}",
            "notes": notes + list(dict.fromkeys(note for record in records for note in record.notes)),
            "job_id": job.id,
        },
        ensure_ascii=False,
    )


def _subseed(spell: Spell) -> int | None:
    """The variation seed; the seed's own when there is no variation."""
    written = dict(spell.extra).get("Variation seed")
    return int(written) if written is not None else spell.params.seed


def _denoising_strength(job: Job) -> float | None:
    if job.img2img is not None:
        return job.img2img.denoising_strength
    hires = None if job.spell is None else job.spell.params.hires
    return None if hires is None else hires.denoising_strength
