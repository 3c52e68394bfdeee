"""Making a finished picture larger without drawing it again, as A1111's Extras tab does."""

from __future__ import annotations

from dataclasses import dataclass

from prompts.errors import SpellOutOfRange

FACTOR = (1.0, 8.0)
SIDE = (16, 8192)  # pixels of the result
PIXELS = 25_000_000
"""Of the result: what may come in again."""
VISIBILITY = (0.0, 1.0)
_BY, _TO, _NAME, _SECOND = (
    "Postprocess upscale by",
    "Postprocess upscale to",
    "Postprocess upscaler",
    "Postprocess upscaler 2",
)
PAIR_KEYS = (_BY, _TO, _NAME, _SECOND)
"""The infotext keys of the Extras tab."""


@dataclass(frozen=True, slots=True)
class Upscale:
    """How a picture is made larger."""

    source: str
    """Blob key of the picture."""
    upscaler: str = "Lanczos"
    """`Lanczos`, `Nearest`, or a network of this machine; see `spellwright models`."""
    by: float = 2.0
    """Factor on width and height; ignored when `to` is given. 1..8."""
    to: tuple[int, int] | None = None
    """(width, height) in pixels of the result."""
    crop: bool = True
    """With `to`: cover it and cut the overhang off; otherwise fit into it."""
    second: str | None = None
    """A second upscaler, laid over the first."""
    second_visibility: float = 0.0
    """How much of the second one is seen; 0..1."""


def sizes(upscale: Upscale, size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """((width, height) to enlarge to, (width, height) of the finished picture), for a picture of `size` pixels.

    They differ when `to` is covered and cut.

    Raises:
        SpellOutOfRange: A number of `upscale` or a side of the result is outside its range.
    """
    _inside("by", upscale.by, FACTOR)
    _inside("second_visibility", upscale.second_visibility, VISIBILITY)
    if upscale.to is None:
        enlarged = (int(size[0] * upscale.by), int(size[1] * upscale.by))
        finished = enlarged
    else:
        ratios = [wanted / side for wanted, side in zip(upscale.to, size, strict=True)]
        factor = max(ratios) if upscale.crop else min(ratios)
        enlarged = (max(round(size[0] * factor), 1), max(round(size[1] * factor), 1))
        finished = upscale.to if upscale.crop else enlarged
    for width, height in (enlarged, finished):
        _inside("width", width, SIDE)
        _inside("height", height, SIDE)
        if width * height > PIXELS:
            raise SpellOutOfRange(
                f"The result would have {width}x{height} pixels; the limit is {PIXELS // 10**6} megapixels.",
                field="upscale",
                got=width * height,
                limit=PIXELS,
            )
    return enlarged, finished


def with_upscale(extra: tuple[tuple[str, str], ...], upscale: Upscale) -> tuple[tuple[str, str], ...]:
    """`extra` saying how the picture was enlarged, in A1111's words."""
    kept = tuple(pair for pair in extra if pair[0] not in PAIR_KEYS)
    size = (_BY, f"{upscale.by:g}") if upscale.to is None else (_TO, f"{upscale.to[0]}x{upscale.to[1]}")
    second = () if upscale.second is None else ((_SECOND, upscale.second),)
    return (*kept, size, (_NAME, upscale.upscaler), *second)


def _inside(field: str, value: float, limits: tuple[float, float]) -> None:
    if not limits[0] <= value <= limits[1]:  # false for NaN too
        raise SpellOutOfRange(
            f"{field} is {value:g}; it must be from {limits[0]:g} to {limits[1]:g}.",
            field=f"upscale.{field}",
            got=value,
            limit=list(limits),
        )
