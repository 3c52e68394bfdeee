"""A1111's drawing request as a spell: its defaults, its seeds, its hires fix; nothing dropped without a note."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from prompts.errors import UnknownName
from prompts.language import Style, lift_loras
from prompts.limits import SEED
from prompts.metadata import parse_infotext
from prompts.spell import LATENT_CELL, HiresFix, Params, Spell
from prompts.vocabulary import schedule_type_named, split_sampler
from service.compat.a1111.options import NO_VAE, Options
from service.compat.a1111.schemas import DrawIn, Img2ImgIn, Txt2ImgIn
from service.compat.a1111.styles import styled

SAME = ("use same sampler", "use same scheduler", "use same checkpoint", "none", "")
DEFAULT_DENOISING = 0.7
MODEL_DEFAULTS = ("steps", "cfg_scale", "width", "height", "sampler_index")
Body = TypeVar("Body", bound=DrawIn)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks for, in our words."""

    spell: Spell
    count: int
    notes: tuple[str, ...]
    """What was not done as it was asked for."""


def wanted(body: DrawIn, options: Options, styles: Sequence[Style], demo_defaults: Params | None) -> Wanted:
    """The spell and number of pictures of a request.

    Args:
        body: The request.
        options: The options in force, `override_settings` among them.
        styles: The stored styles.
        demo_defaults: The demo model's own values for what was not sent; `None` takes A1111's.
    """
    notes = list(_ignored(body))
    sampler, schedule = _sampler(body, demo_defaults, notes)
    first_width, first_height, hires = _sizes(body, notes)
    sent = body.model_fields_set
    own = demo_defaults or Params()
    has_shape = isinstance(body, Img2ImgIn)  # what is drawn over has a shape of its own
    width = _unsent("width", first_width, own.width, body, has_shape=has_shape)
    height = _unsent("height", first_height, own.height, body, has_shape=has_shape)
    spell = Spell(
        prompt=body.prompt,
        negative_prompt=body.negative_prompt,
        params=Params(
            steps=own.steps if own.steps and "steps" not in sent else body.steps,
            sampler=sampler,
            schedule_type=schedule,
            cfg_scale=own.cfg_scale if own.cfg_scale and "cfg_scale" not in sent else body.cfg_scale,
            seed=None if body.seed < 0 else body.seed,
            width=width,
            height=height,
            clip_skip=options.clip_skip,
            checkpoint=options.sd_model_checkpoint,
            vae=None if options.sd_vae.casefold() in NO_VAE else options.sd_vae,
            hires=hires,
        ),
        extra=tuple(options.extra() + _noise_pairs(body)),
    )
    dressed, unknown = styled(spell, body.styles, styles)
    return Wanted(_without_networks(dressed, body), body.batch_size * body.n_iter, (*notes, *unknown))


def _unsent(field: str, side: int | None, own: int | None, body: DrawIn, *, has_shape: bool) -> int | None:
    if field in body.model_fields_set:
        return side
    return None if has_shape else own or side


def filled_from_infotext(body: Body) -> Body:
    """`body` with the fields that were not sent taken from its `infotext`, as A1111 does.

    Raises:
        MetadataError: The infotext is too long.
    """
    if not body.infotext.strip():
        return body
    spell = parse_infotext(body.infotext)
    found = _infotext_values(spell) | _infotext_hires(spell.params.hires)
    settings = {
        "sd_model_checkpoint": spell.params.checkpoint,
        "CLIP_stop_at_last_layers": spell.params.clip_skip,
    }
    given = {key: value for key, value in settings.items() if value is not None}
    values = {key: value for key, value in found.items() if value is not None and key in type(body).model_fields}
    sent = {name: getattr(body, name) for name in body.model_fields_set}
    return type(body).model_validate({**values, **sent, "override_settings": given | body.override_settings})


def _infotext_values(spell: Spell) -> dict[str, Any]:
    params = spell.params
    loras = "".join(f"<lora:{lora.name}:{lora.weight:g}>" for lora in spell.loras)
    return {
        "prompt": f"{spell.prompt} {loras}".strip(),
        "negative_prompt": spell.negative_prompt,
        "steps": params.steps,
        "sampler_name": params.sampler,
        "scheduler": params.schedule_type,
        "cfg_scale": params.cfg_scale,
        "seed": params.seed,
        "width": params.width,
        "height": params.height,
    }


def _infotext_hires(hires: HiresFix | None) -> dict[str, Any]:
    if hires is None:
        return {}
    width, height = hires.resize_to or (0, 0)
    return {
        "enable_hr": True,
        "hr_scale": hires.upscale_by,
        "hr_resize_x": width,
        "hr_resize_y": height,
        "hr_second_pass_steps": hires.steps,
        "hr_upscaler": hires.upscaler,
        "denoising_strength": hires.denoising_strength,
        "hr_sampler_name": hires.sampler,
        "hr_scheduler": hires.schedule_type,
        "hr_checkpoint_name": hires.checkpoint,
        "hr_prompt": hires.prompt,
        "hr_negative_prompt": hires.negative_prompt,
    }


def _sampler(body: DrawIn, demo_defaults: Params | None, notes: list[str]) -> tuple[str | None, str | None]:
    """Sampler and schedule type; an unknown name takes the checkpoint's own, and says so."""
    is_open = not body.sampler_name and "sampler_index" not in body.model_fields_set
    name = body.sampler_name or body.sampler_index
    if is_open and demo_defaults is not None:
        return None, _schedule(body.scheduler, notes)
    try:
        sampler, suffix = split_sampler(name)
    except UnknownName as unknown:
        notes.append(f"{unknown.detail} The checkpoint's own sampler was used instead.")
        return None, None
    return sampler, _schedule(body.scheduler, notes) or suffix


def _schedule(name: str, notes: list[str]) -> str | None:
    if not name:
        return None
    try:
        return schedule_type_named(name)
    except UnknownName as unknown:
        notes.append(f"{unknown.detail} The sampler's own was used instead.")
        return None


def _sizes(body: DrawIn, notes: list[str]) -> tuple[int, int, HiresFix | None]:
    """Width and height of the first pass, and the second pass."""
    width, height = _cells("width", body.width, notes), _cells("height", body.height, notes)
    if not isinstance(body, Txt2ImgIn) or not body.enable_hr:
        return width, height, None
    strength = body.denoising_strength
    if strength is None:
        strength = DEFAULT_DENOISING
        notes.append(f"denoising_strength was not sent; {DEFAULT_DENOISING} was used for the hires fix.")
    resize_to = (body.hr_resize_x, body.hr_resize_y) if body.hr_resize_x or body.hr_resize_y else None
    if body.firstphase_width or body.firstphase_height:  # before 1.0 the final size was sent as width and height
        resize_to = (width, height)
        width = _cells("firstphase_width", body.firstphase_width or width, notes)
        height = _cells("firstphase_height", body.firstphase_height or height, notes)
    return width, height, _hires(body, strength, resize_to)


def _hires(body: Txt2ImgIn, strength: float, resize_to: tuple[int, int] | None) -> HiresFix:
    upscaler = body.hr_upscaler or "Latent"
    return HiresFix(
        upscale_by=body.hr_scale,
        resize_to=resize_to,
        steps=body.hr_second_pass_steps,
        denoising_strength=strength,
        # A1111's upscaler "None" does nothing, and what is too small then is resized with Lanczos.
        upscaler="Lanczos" if upscaler.casefold() == "none" else upscaler,
        sampler=_unless_same(body.hr_sampler_name),
        schedule_type=_unless_same(body.hr_scheduler),
        prompt=body.hr_prompt or None,
        negative_prompt=body.hr_negative_prompt or None,
        checkpoint=_unless_same(body.hr_checkpoint_name),
    )


def _unless_same(name: str) -> str | None:
    return None if name.strip().casefold() in SAME else name


def _cells(field: str, pixels: int, notes: list[str]) -> int:
    """A1111 cuts a size to whole latent cells."""
    whole = pixels // LATENT_CELL * LATENT_CELL
    if whole != pixels:
        notes.append(f"{field} {pixels} is no multiple of {LATENT_CELL}; {whole} was used.")
    return whole


def _noise_pairs(body: DrawIn) -> list[tuple[str, str]]:
    """The infotext pairs of variation, seed resizing and eta."""
    pairs: list[tuple[str, str]] = []
    if body.subseed_strength > 0:
        subseed = secrets.randbelow(SEED[1]) if body.subseed < 0 else body.subseed
        pairs += [("Variation seed", str(subseed)), ("Variation seed strength", f"{body.subseed_strength:g}")]
    if body.seed_resize_from_w > 0 and body.seed_resize_from_h > 0:
        pairs.append(("Seed resize from", f"{body.seed_resize_from_w}x{body.seed_resize_from_h}"))
    if body.eta is not None and body.eta != 1.0:
        pairs.append(("Eta", f"{body.eta:g}"))
    return pairs


def _without_networks(spell: Spell, body: DrawIn) -> Spell:
    return spell.evolve(prompt=lift_loras(spell.prompt)[0], loras=()) if body.disable_extra_networks else spell


def _ignored(body: DrawIn) -> list[str]:
    """Sentences about what this server does not do."""
    asked: Mapping[str, bool] = {
        "tiling": body.tiling,
        "restore_faces": body.restore_faces,
        "refiner_checkpoint": bool(_unless_same(body.refiner_checkpoint)),
        "s_churn": body.s_churn > 0,
        "s_noise": body.s_noise != 1.0,
        "s_min_uncond": body.s_min_uncond > 0,
    }
    return [f"{name} is not supported here; it was ignored." for name, is_asked in asked.items() if is_asked]
