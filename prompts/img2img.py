"""Drawing over a picture: what img2img and inpainting need beside the spell. Pixels are held apart, by key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from prompts.errors import SpellOutOfRange, UnknownName, near_names
from prompts.limits import DENOISING_STRENGTH

RESIZE_MODES = ("Just resize", "Crop and resize", "Resize and fill", "Just resize (latent upscale)")
"""A1111's names, in the order of its numbers 0..3."""
MASKED_CONTENT = ("fill", "original", "latent noise", "latent nothing")
"""A1111's names, in the order of its numbers 0..3."""
MASK_BLUR = (0, 64)  # pixels
ONLY_MASKED_PADDING = (0, 256)  # pixels
_STRONGEST, _WEAKEST = 0.999, 0.01

Pairs = tuple[tuple[str, str], ...]
"""Infotext pairs, as in `Spell.extra`."""

_STRENGTH, _BLUR, _MODE = "Denoising strength", "Mask blur", "Mask mode"
_AREA, _PADDING, _CONTENT = "Inpaint area", "Masked area padding", "Masked content"
PAIR_KEYS = (_STRENGTH, _BLUR, _MODE, _AREA, _PADDING, _CONTENT)
"""The infotext keys of img2img, in A1111's words."""


@dataclass(frozen=True, slots=True)
class Inpaint:
    """Which part of the source is drawn anew. White in the mask is what changes."""

    mask: str
    """Blob key of an 8-bit grey picture; it is resized as the source is."""
    blur: int = 4
    """Gaussian blur of the mask's edge, in pixels of the drawn picture (of the source with `only_masked`); 0..64."""
    masked_content: str = "original"
    """What lies under the mask before denoising; see `MASKED_CONTENT`."""
    invert: bool = False
    """Draw what is black instead."""
    only_masked: bool = False
    """Cut out the mask's box, draw it at the spell's full size, and paste it back."""
    only_masked_padding: int = 32
    """Pixels of surroundings around that box; 0..256."""


@dataclass(frozen=True, slots=True)
class Img2Img:
    """The picture that denoising starts from instead of pure noise."""

    source: str
    """Blob key of the picture."""
    denoising_strength: float = 0.75
    """0 keeps the source, 1 draws a new picture."""
    resize_mode: str = "Just resize"
    """How the source gets the spell's size; see `RESIZE_MODES`."""
    inpaint: Inpaint | None = None
    exact_steps: bool = False
    """Walk as many steps as the spell says instead of its share by strength (A1111's option
    `With img2img, do exactly the amount of steps the slider specifies`)."""


def step_counts(settings: Img2Img, steps: int) -> tuple[int, int]:
    """(steps of the whole schedule, how many of its last steps are walked), by A1111's rule.

    Without `exact_steps` the schedule has `steps` steps of which `int(min(strength, 0.999) * steps) + 1` are
    walked; with it, it is stretched so that exactly `steps` are. At least one is walked either way.
    """
    strength = min(settings.denoising_strength, _STRONGEST)
    if settings.exact_steps:
        return int(steps / max(strength, _WEAKEST)), steps
    return steps, min(int(strength * steps) + 1, steps)


def check_img2img(settings: Img2Img) -> Img2Img:
    """`settings` with canonical names.

    Raises:
        SpellOutOfRange: A number outside its range; NaN too.
        UnknownName: code `name_not_found`; a resize mode or masked content that A1111 does not have.
    """
    _inside("denoising_strength", settings.denoising_strength, DENOISING_STRENGTH)
    mode = _named("resize_mode", settings.resize_mode, RESIZE_MODES)
    inpaint = settings.inpaint
    if inpaint is not None:
        _inside("inpaint.blur", inpaint.blur, MASK_BLUR)
        _inside("inpaint.only_masked_padding", inpaint.only_masked_padding, ONLY_MASKED_PADDING)
        content = _named("inpaint.masked_content", inpaint.masked_content, MASKED_CONTENT)
        inpaint = replace(inpaint, masked_content=content)
    return replace(settings, resize_mode=mode, inpaint=inpaint)


def with_img2img(extra: Pairs, settings: Img2Img | None) -> Pairs:
    """`extra` saying what `settings` say, in A1111's words; `None` takes such pairs out."""
    kept = tuple(pair for pair in extra if pair[0] not in PAIR_KEYS)
    return kept if settings is None else (*_written(settings), *kept)


def read_img2img(extra: Iterable[tuple[str, str]]) -> Img2Img | None:
    """The settings in infotext pairs, with empty keys for the pixels, which no infotext carries.

    `None` when the pairs tell of no img2img. Values that fit nothing are passed over. A mask is known by its keys.
    """
    pairs = {key: value.strip() for key, value in extra if key in PAIR_KEYS}
    strength = _number(pairs.get(_STRENGTH))
    if strength is None or not DENOISING_STRENGTH[0] <= strength <= DENOISING_STRENGTH[1]:
        return None
    inpaint = None
    if len(pairs) > 1:
        content = pairs.get(_CONTENT, "original")
        inpaint = Inpaint(
            mask="",
            blur=_whole(pairs.get(_BLUR), MASK_BLUR, 4),
            masked_content=content if content in MASKED_CONTENT else "original",
            invert=pairs.get(_MODE) == "Inpaint not masked",
            only_masked=pairs.get(_AREA) == "Only masked",
            only_masked_padding=_whole(pairs.get(_PADDING), ONLY_MASKED_PADDING, 32),
        )
    return Img2Img("", strength, inpaint=inpaint)


def _written(settings: Img2Img) -> Pairs:
    pairs = [(_STRENGTH, f"{settings.denoising_strength:g}")]
    inpaint = settings.inpaint
    if inpaint is not None:
        pairs.append((_BLUR, str(inpaint.blur)))
        if inpaint.invert:
            pairs.append((_MODE, "Inpaint not masked"))
        if inpaint.only_masked:
            pairs += [(_AREA, "Only masked"), (_PADDING, str(inpaint.only_masked_padding))]
        if inpaint.masked_content != "original":
            pairs.append((_CONTENT, inpaint.masked_content))
    return tuple(pairs)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _whole(text: str | None, limits: tuple[int, int], otherwise: int) -> int:
    value = _number(text)
    return int(value) if value is not None and limits[0] <= value <= limits[1] else otherwise


def _inside(field: str, value: float, limits: tuple[float, float]) -> None:
    if not limits[0] <= value <= limits[1]:  # false for NaN too
        raise SpellOutOfRange(
            f"{field} is {value:g}; it must be from {limits[0]:g} to {limits[1]:g}.",
            field=f"img2img.{field}",
            got=value,
            limit=list(limits),
        )


def _named(field: str, name: str, known: tuple[str, ...]) -> str:
    found = next((own for own in known if own.casefold() == name.strip().casefold()), None)
    if found is None:
        raise UnknownName(
            f"{field} is {name!r}; it must be one of: {', '.join(known)}.",
            field=f"img2img.{field}",
            got=name,
            near=near_names(name, known),
        )
    return found
