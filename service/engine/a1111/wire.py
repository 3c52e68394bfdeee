"""One picture in the words of `/sdapi/v1`: the request's body out, the picture back in."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from generator.errors import GeneratorError
from generator.events import Picture
from generator.request import GenerationRequest
from prompts.errors import PictureError
from prompts.img2img import MASKED_CONTENT, RESIZE_MODES, step_counts
from prompts.language.networks import write_loras
from prompts.pictures import base64_picture, open_picture
from prompts.spell import HiresFix, Spell
from prompts.vocabulary import SCHEDULE_TYPES, sampler_named

SEED_PAIRS = ("Variation seed", "Variation seed strength", "Seed resize from", "Eta")


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a remote server answered."""

    picture: Picture
    notes: tuple[str, ...]


def path_of(request: GenerationRequest) -> str:
    """The route that draws the request."""
    return "/sdapi/v1/txt2img" if request.source is None else "/sdapi/v1/img2img"


def body_of(request: GenerationRequest, task_id: str) -> dict[str, Any]:
    """The body for `request`; blocking when there are pictures in it."""
    spell, params = request.spell, request.spell.params
    settings: dict[str, Any] = {"sd_model_checkpoint": params.checkpoint, "CLIP_stop_at_last_layers": params.clip_skip}
    pairs = {key.casefold(): value for key, value in spell.extra}
    if pairs.get("ensd", "").lstrip("-").isdecimal():
        settings["eta_noise_seed_delta"] = int(pairs["ensd"])
    if pairs.get("rng", ""):
        settings["randn_source"] = pairs["rng"]
    if params.vae:
        settings["sd_vae"] = params.vae
    body: dict[str, Any] = {
        "prompt": write_loras(spell.prompt, spell.loras),
        "negative_prompt": spell.negative_prompt,
        "seed": params.seed,
        "sampler_name": params.sampler,
        "scheduler": _schedule(params.schedule_type),
        "steps": params.steps,
        "cfg_scale": params.cfg_scale,
        "width": params.width,
        "height": params.height,
        "batch_size": 1,
        "n_iter": 1,
        "override_settings": settings,
        "override_settings_restore_afterwards": True,
        "force_task_id": task_id,
        "save_images": False,
        "send_images": True,
    }
    return body | _seed_fields(pairs) | _hires_fields(params.hires) | _source_fields(request)


def calls_of(request: GenerationRequest) -> tuple[int, int]:
    """UNet calls of the first pass, and of both."""
    params = request.spell.params
    steps = params.steps or 1
    if request.source is not None:
        steps = step_counts(request.source.settings, steps)[1]
    base = _calls(params.sampler, steps)
    hires = params.hires
    if hires is None or hires.denoising_strength == 0:
        return base, base
    return base, base + _calls(hires.sampler or params.sampler, hires.steps or steps)


def drawn_of(answer: Mapping[str, Any], spell: Spell) -> Drawn:
    """The picture of an answer, and what the remote server says about it; blocking.

    Raises:
        GeneratorError: code `remote_invalid`; there is no usable picture in it.
    """
    images = answer.get("images")
    info = _info(answer.get("info"))
    first = info.get("index_of_first_image", 0)
    at = first if isinstance(first, int) else 0
    if not isinstance(images, list) or not 0 <= at < len(images) or not isinstance(images[at], str):
        notes = " ".join(_notes(info))
        raise _invalid(f"The remote engine sent no picture. {notes}".strip())
    try:
        picture = picture_of(images[at])
    except PictureError as broken:
        raise _invalid(f"The remote engine sent a picture that cannot be read: {broken.detail}") from broken
    return Drawn(picture, (*_notes(info), *_differences(info, spell)))


def picture_of(text: str) -> Picture:
    """The pixels of a base64 picture, with or without `data:`.

    Raises:
        PictureError: It is none.
    """
    opened = open_picture(base64_picture(text))
    return Picture(opened.width, opened.height, opened.tobytes())


def preview_of(text: object) -> Picture | None:
    """A preview; `None` for anything that is none: it is not worth a failure."""
    if not isinstance(text, str) or not text:
        return None
    try:
        with Image.open(io.BytesIO(base64_picture(text)), formats=("PNG", "JPEG", "WEBP")) as opened:
            rgb = opened.convert("RGB") if opened.width * opened.height <= 2**22 else None
    except (PictureError, OSError, ValueError, SyntaxError):
        return None
    return None if rgb is None else Picture(rgb.width, rgb.height, rgb.tobytes())


def _hires_fields(hires: HiresFix | None) -> dict[str, Any]:
    if hires is None:
        return {}
    width, height = hires.resize_to or (0, 0)
    return {
        "enable_hr": True,
        "hr_scale": hires.upscale_by,
        "hr_resize_x": width,
        "hr_resize_y": height,
        "hr_second_pass_steps": hires.steps,
        "denoising_strength": hires.denoising_strength,
        "hr_upscaler": hires.upscaler,
        "hr_sampler_name": hires.sampler,
        "hr_scheduler": None if hires.schedule_type is None else _schedule(hires.schedule_type),
        "hr_prompt": hires.prompt or "",
        "hr_negative_prompt": hires.negative_prompt or "",
        "hr_checkpoint_name": hires.checkpoint,
        "hr_additional_modules": ["Use same choices"],  # Forge fails without it
    }


def _seed_fields(pairs: Mapping[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if pairs.get("variation seed strength"):
        fields["subseed_strength"] = float(pairs["variation seed strength"])
        fields["subseed"] = int(pairs.get("variation seed", "0"))
    width, x, height = pairs.get("seed resize from", "").partition("x")
    if x and width.isdecimal() and height.isdecimal():
        fields |= {"seed_resize_from_w": int(width), "seed_resize_from_h": int(height)}
    if "eta" in pairs:
        fields["eta"] = float(pairs["eta"])
    return fields


def _source_fields(request: GenerationRequest) -> dict[str, Any]:
    source = request.source
    if source is None:
        return {}
    settings = source.settings
    fields: dict[str, Any] = {
        "init_images": [_base64_png(source.picture)],
        "denoising_strength": settings.denoising_strength,
        "resize_mode": RESIZE_MODES.index(settings.resize_mode),
    }
    inpaint = settings.inpaint
    if inpaint is not None and source.mask is not None:
        fields |= {
            "mask": _base64_png(source.mask),
            "mask_blur": inpaint.blur,
            "inpainting_fill": MASKED_CONTENT.index(inpaint.masked_content),
            "inpaint_full_res": inpaint.only_masked,
            "inpaint_full_res_padding": inpaint.only_masked_padding,
            "inpainting_mask_invert": int(inpaint.invert),
        }
    return fields


def _schedule(label: str | None) -> str:
    """A1111's short name of a schedule type; older versions and other servers know it better than the label."""
    return next((aliases[0] for known, aliases in SCHEDULE_TYPES if known == label), "automatic")


def _calls(sampler: str | None, steps: int) -> int:
    """Second-order samplers make their last step with one call."""
    each = sampler_named(sampler).calls_per_step if sampler else 1
    return steps * each - (each - 1)


def _base64_png(picture: Picture) -> str:
    out = io.BytesIO()
    Image.frombytes("RGB", (picture.width, picture.height), picture.rgb).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode("ascii")


def _info(text: object) -> dict[str, Any]:
    try:
        info = json.loads(text) if isinstance(text, str) and text else {}
    except ValueError:
        return {}
    return info if isinstance(info, dict) else {}


def _notes(info: Mapping[str, Any]) -> list[str]:
    notes = info.get("notes")
    return [str(note)[:300] for note in notes[:20]] if isinstance(notes, list) else []


def _differences(info: Mapping[str, Any], spell: Spell) -> list[str]:
    """What the remote server did otherwise than it was asked: A1111 replaces what it does not know in silence."""
    asked = {
        "seed": ("seed", spell.params.seed),
        "sampler_name": ("sampler", spell.params.sampler),
        "steps": ("steps", spell.params.steps),
        "cfg_scale": ("CFG scale", spell.params.cfg_scale),
    }
    found = [
        f"The remote engine used {spoken} {info[key]} instead of {wanted}."
        for key, (spoken, wanted) in asked.items()
        if info.get(key) is not None and info[key] != wanted
    ]
    model, wanted_model = info.get("sd_model_name"), spell.params.checkpoint
    is_other = isinstance(model, str) and model and wanted_model is not None and not _is_same(model, wanted_model)
    if is_other:
        found.append(f"The remote engine used the checkpoint {model} instead of {wanted_model}.")
    return found


def _is_same(one: str, other: str) -> bool:
    def bare(name: str) -> str:
        return name.rpartition("/")[2].partition(" [")[0].removesuffix(".safetensors").casefold()

    return bare(one) == bare(other)


def _invalid(detail: str) -> GeneratorError:
    error = GeneratorError(detail)
    error.with_code("remote_invalid")
    return error
