"""What the keys of an infotext mean: pairs -> `Params`, and `Params` -> pairs in A1111's order."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from prompts.errors import UnknownName
from prompts.language.networks import number
from prompts.metadata.labels import ORDER, rank
from prompts.metadata.pairs import Pair
from prompts.spell import HiresFix, Params
from prompts.vocabulary import sampler_named, schedule_type_named, split_sampler

_SIZE = re.compile(r"(\d{1,9})x(\d{1,9})")
_INTEGER = re.compile(r"-?\d{1,18}")


@dataclass(frozen=True, slots=True)
class Reading:
    """What the pairs say: parameters, and the pairs that say nothing this product interprets."""

    params: Params
    extra: tuple[tuple[str, str], ...]


def interpret(pairs: Iterable[Pair]) -> Reading:
    """The parameters that `pairs` give; a value that does not fit its key stays in `extra` as text.

    Of a key written twice the first counts and the others stay in `extra`.
    """
    given: dict[str, str] = {}
    for pair in pairs:
        given.setdefault(pair.key, pair.value)
    used: set[str] = set()

    def take(key: str, convert: Callable[[str], Any]) -> Any:
        value = convert(given[key]) if key in given else None
        if value is not None:
            used.add(key)
        return value

    size = take("Size", _size)
    sampler, schedule = _sampler(given, used)
    hires = _hires(take) if _HIRES_MARKS & given.keys() else None
    size, hires = _first_pass(take("First pass size", _size), size, hires)
    width, height = size or (None, None)
    params = Params(
        steps=take("Steps", _integer),
        sampler=sampler,
        schedule_type=schedule,
        cfg_scale=take("CFG scale", _real),
        seed=take("Seed", _integer),
        width=width,
        height=height,
        clip_skip=take("Clip skip", _integer),
        checkpoint=take("Model", _text),
        checkpoint_hash=take("Model hash", _text),
        vae=take("VAE", _text),
        hires=hires,
    )
    return Reading(params, tuple(_rest(pairs, used)))


def write(params: Params, extra: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    """All pairs in A1111's order; `extra` keeps its own order and is woven in."""
    own = iter([*_own_pairs(params), None])
    result: list[tuple[str, str]] = []
    upcoming = next(own)
    for key, value in extra:
        while upcoming is not None and rank(upcoming[0]) <= rank(key):
            result.append(upcoming)
            upcoming = next(own)
        result.append((key, value))
    while upcoming is not None:
        result.append(upcoming)
        upcoming = next(own)
    return result


def _own_pairs(params: Params) -> Iterator[tuple[str, str]]:
    sized = params.width is not None and params.height is not None
    hires = params.hires
    values: dict[str, object] = {
        "Steps": params.steps,
        "Sampler": params.sampler,
        "Schedule type": params.schedule_type,
        "CFG scale": None if params.cfg_scale is None else number(params.cfg_scale),
        "Seed": params.seed,
        "Size": f"{params.width}x{params.height}" if sized else None,
        "Model hash": params.checkpoint_hash,
        "Model": params.checkpoint,
        "VAE": params.vae,
        "Clip skip": params.clip_skip,
    }
    if hires is not None:
        values |= _hires_values(hires)
    for key in ORDER:
        if values.get(key) is not None:
            yield key, str(values[key])


def _hires_values(hires: HiresFix) -> dict[str, object]:
    resize = hires.resize_to
    return {
        "Denoising strength": number(hires.denoising_strength),
        "Hires resize": None if resize is None else f"{resize[0]}x{resize[1]}",
        "Hires upscale": number(hires.upscale_by) if resize is None else None,
        "Hires steps": hires.steps or None,
        "Hires upscaler": hires.upscaler,
        "Hires checkpoint": hires.checkpoint,
        "Hires sampler": hires.sampler,
        "Hires schedule type": hires.schedule_type,
        "Hires prompt": hires.prompt,
        "Hires negative prompt": hires.negative_prompt,
    }


_HIRES_MARKS = {"Hires upscale", "Hires resize", "Hires upscaler"}
"""One of these keys means that hires fix was on."""


def _hires(take: Callable[[str, Callable[[str], Any]], Any]) -> HiresFix:
    given = {
        "upscale_by": take("Hires upscale", _real),
        "resize_to": take("Hires resize", _size),
        "steps": take("Hires steps", _integer),
        "denoising_strength": take("Denoising strength", _real),
        "upscaler": take("Hires upscaler", _text),
        "checkpoint": take("Hires checkpoint", _text),
        "sampler": take("Hires sampler", _sampler_text),
        "schedule_type": take("Hires schedule type", _schedule_text),
        "prompt": take("Hires prompt", _prompt),
        "negative_prompt": take("Hires negative prompt", _prompt),
    }
    return HiresFix(**{name: value for name, value in given.items() if value is not None})


def _first_pass(
    first: tuple[int, int] | None, size: tuple[int, int] | None, hires: HiresFix | None
) -> tuple[tuple[int, int] | None, HiresFix | None]:
    """A1111 before 1.0 wrote the final size as `Size` and the first pass beside it; 0x0 asks for A1111's own choice."""
    if first is None:
        return size, hires
    width, height = size or (512, 512)
    if 0 in first:
        if 0 in (width, height):
            return size, hires
        scale = math.sqrt(512 * 512 / (width * height))
        first = math.ceil(scale * width / 64) * 64, math.ceil(scale * height / 64) * 64
    return first, HiresFix(resize_to=(width, height)) if hires is None else hires


def _sampler(given: dict[str, str], used: set[str]) -> tuple[str | None, str | None]:
    """Sampler and schedule type, from two keys (since 1.9) or from one combined name."""
    sampler, schedule = given.get("Sampler"), given.get("Schedule type")
    if schedule:
        used.add("Schedule type")
        schedule = _schedule_text(schedule)
    if not sampler:
        return None, schedule or None
    used.add("Sampler")
    if schedule:
        return _sampler_text(sampler), schedule
    try:
        return split_sampler(sampler)
    except UnknownName:
        return sampler, None


def _rest(pairs: Iterable[Pair], used: set[str]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for pair in pairs:
        if pair.key in used and pair.key not in seen:
            seen.add(pair.key)
        else:
            yield pair.key, pair.value


def _integer(text: str) -> int | None:
    return int(text) if _INTEGER.fullmatch(text) else None


def _real(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _size(text: str) -> tuple[int, int] | None:
    match = _SIZE.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def _text(text: str) -> str | None:
    return text or None


def _prompt(text: str) -> str | None:
    return text


def _sampler_text(text: str) -> str | None:
    try:
        return sampler_named(text).name
    except UnknownName:
        return text or None


def _schedule_text(text: str) -> str | None:
    try:
        return schedule_type_named(text)
    except UnknownName:
        return text or None
