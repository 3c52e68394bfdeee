"""OpenAI's sizes and qualities in the words of a checkpoint that has a size of its own."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from prompts.expansion.families import FamilyProfile
from prompts.limits import STEPS
from prompts.spell import LATENT_CELL
from service.errors import RequestInvalid

SIZE = re.compile(r"(\d{2,5})x(\d{2,5})")
ROOM = 1.6  # how much larger than its own area a checkpoint may be asked to draw at once
STEP_FACTORS = MappingProxyType({"low": 0.5, "medium": 1.0, "high": 1.5, "hd": 1.5, "standard": 1.0, "auto": 1.0})


def size_overrides(size: str | None, family: FamilyProfile) -> dict[str, Any]:
    """`Params` for a size like `1024x1536`; none for `auto`.

    A size far over what the family was trained for is drawn small and enlarged by a second pass: drawn
    at once it would show everything twice.

    Raises:
        RequestInvalid: No size, or one that leads nowhere.
    """
    wanted = exact_size(size)
    if not wanted:
        return {}
    width, height = wanted["width"], wanted["height"]
    own = (family.defaults.width or 512) * (family.defaults.height or 512)
    factor = math.sqrt(width * height / own)
    if width * height <= own * ROOM:
        return {"width": width, "height": height}
    first = {"width": _cells(width / factor), "height": _cells(height / factor)}
    return {**first, "hires": replace(family.hires, resize_to=(width, height))}


def exact_size(size: str | None) -> dict[str, int]:
    """`width` and `height` of a size like `1024x1536`; empty for `auto`.

    Raises:
        RequestInvalid: No size.
    """
    if size is None or size == "auto":
        return {}
    match = SIZE.fullmatch(size)
    if match is None:
        raise RequestInvalid(f"size is {size[:20]!r}; it must be like 512x512, or auto.", field="size")
    width, height = (_cells(float(side)) for side in match.groups())
    return {"width": width, "height": height}


def quality_steps(quality: str | None, family: FamilyProfile) -> dict[str, Any]:
    """`Params` for a quality: fewer or more steps than the family's own; none for an unknown word.

    Raises:
        RequestInvalid: No such quality.
    """
    if quality is None:
        return {}
    factor = STEP_FACTORS.get(quality)
    if factor is None:
        raise RequestInvalid(
            f"quality is {quality[:20]!r}; it must be one of {', '.join(STEP_FACTORS)}.", field="quality"
        )
    steps = round((family.defaults.steps or 20) * factor)
    return {} if factor == 1.0 else {"steps": min(max(steps, 4), STEPS[1])}


def _cells(side: float) -> int:
    return max(64, int(side) // LATENT_CELL * LATENT_CELL)
