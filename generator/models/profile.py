"""What a checkpoint draws well by: from the metadata in its file, or from what Civitai wrote beside it. No torch.

Read are `name.civitai.info`, `name.metadata.json` and `name.json` (the example pictures' parameters: the value most of
them share, the middle one of numbers), and the file's own `modelspec.*`. All of it is data of strangers: what does not
read as a value within limits is left out.
"""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prompts.errors import UnknownName
from prompts.limits import CFG_SCALE, CLIP_SKIP, SIDE, STEPS
from prompts.spell import HiresFix, Params
from prompts.vocabulary import split_sampler

SIDECARS = (".civitai.info", ".metadata.json", ".json")
_SIDECAR_BYTES = 1_000_000
_PICTURES = 50
_ABOUT_CHARACTERS = 300
_WORDS = 8
_SIZE = re.compile(r"(\d{2,5})\s*x\s*(\d{2,5})")
_TAGS = re.compile(r"<[^>]{0,200}>")


@dataclass(frozen=True, slots=True)
class CheckpointProfile:
    """What is known of a checkpoint beside its weights; empty where nothing is."""

    params: Params = field(default_factory=Params)
    """Suggested steps, sampler, schedule type, CFG scale, clip skip and size; `None` where nobody says."""
    hires: HiresFix | None = None
    """The second pass most of its example pictures have; `None` when they have none."""
    triggers: tuple[str, ...] = ()
    """Words its author wants in the prompt."""
    about: str = ""
    """One line for a person."""


def checkpoint_profile(path: Path, metadata: Mapping[str, str]) -> CheckpointProfile:
    """The profile of the checkpoint file or folder `path`.

    Args:
        path: Its neighbours are looked at, it is not opened.
        metadata: The `__metadata__` of its header; empty for a folder.
    """
    notes = [_sidecar(path.with_suffix(suffix)) for suffix in SIDECARS]
    metas = [meta for note in notes for meta in _picture_metas(note)][:_PICTURES]
    size = _SIZE.fullmatch(metadata.get("modelspec.resolution", ""))
    width, height = (int(size[1]), int(size[2])) if size else _common_size(metas)
    sampler, schedule = _common_sampler(metas)
    params = Params(
        steps=_whole(_middle(metas, "steps", STEPS)),
        sampler=sampler,
        schedule_type=schedule,
        cfg_scale=_middle(metas, "cfgscale", CFG_SCALE),
        clip_skip=_common_number(metas, "clip skip", CLIP_SKIP),
        width=_side(width),
        height=_side(height),
    )
    about = next((text for note in notes if (text := _plain(note.get("description")))), "")
    about = about or _plain(metadata.get("modelspec.usage_hint")) or _plain(metadata.get("modelspec.description"))
    words = [w for note in notes for w in _strings(note.get("trainedWords") or _inner(note).get("trainedWords"))]
    words += [w for w in metadata.get("modelspec.trigger_phrase", "").split(",") if w.strip()]
    triggers = tuple(dict.fromkeys(" ".join(w.split())[:100] for w in words))[:_WORDS]
    return CheckpointProfile(params, _common_hires(metas), triggers, about)


def _picture_metas(note: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parameters of the example pictures, keys in lower case."""
    images = note.get("images") or _inner(note).get("images")
    found = []
    for image in images if isinstance(images, list) else ():
        meta = image.get("meta") if isinstance(image, Mapping) else None
        if isinstance(meta, Mapping):
            found.append({str(k).casefold(): v for k, v in meta.items()})
    return found


def _inner(note: Mapping[str, Any]) -> Mapping[str, Any]:
    civitai = note.get("civitai")
    return civitai if isinstance(civitai, Mapping) else {}


def _common_sampler(metas: Iterable[Mapping[str, Any]]) -> tuple[str | None, str | None]:
    """The sampler and schedule type most pictures share."""
    found: Counter[tuple[str, str]] = Counter()
    for meta in metas:
        try:
            sampler, schedule = split_sampler(str(meta.get("sampler", "")))
        except UnknownName:
            continue
        found[(sampler, schedule or str(meta.get("schedule type", "")) or "Automatic")] += 1
    return found.most_common(1)[0][0] if found else (None, None)


def _common_hires(metas: list[dict[str, Any]]) -> HiresFix | None:
    """The hires fix of the pictures, when at least half of them have one."""
    factors = [f for m in metas if (f := _number(m.get("hires upscale"), 1.0, 4.0)) is not None]
    if not factors or 2 * len(factors) < len(metas):
        return None
    strengths = [s for m in metas if (s := _number(m.get("denoising strength"), 0.0, 1.0)) is not None]
    steps = [s for m in metas if (s := _number(m.get("hires steps"), 1, STEPS[1])) is not None]
    upscalers = Counter(str(m["hires upscaler"])[:100] for m in metas if isinstance(m.get("hires upscaler"), str))
    plain = HiresFix()
    return HiresFix(
        upscale_by=statistics.median_low(factors),
        steps=int(statistics.median_low(steps)) if steps else plain.steps,
        denoising_strength=statistics.median_low(strengths) if strengths else plain.denoising_strength,
        upscaler=upscalers.most_common(1)[0][0] if upscalers else plain.upscaler,
    )


def _common_size(metas: Iterable[Mapping[str, Any]]) -> tuple[int | None, int | None]:
    sizes = Counter(m[0] for meta in metas if (m := _SIZE.fullmatch(str(meta.get("size", "")))))
    match = _SIZE.fullmatch(sizes.most_common(1)[0][0]) if sizes else None
    return (int(match[1]), int(match[2])) if match else (None, None)


def _common_number(metas: Iterable[Mapping[str, Any]], key: str, limits: tuple[float, float]) -> int | None:
    found = Counter(int(n) for meta in metas if (n := _number(meta.get(key), *limits)) is not None)
    return found.most_common(1)[0][0] if found else None


def _middle(metas: Iterable[Mapping[str, Any]], key: str, limits: tuple[float, float]) -> float | None:
    found = [n for meta in metas if (n := _number(meta.get(key), *limits)) is not None]
    return statistics.median_low(found) if found else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _side(value: int | None) -> int | None:
    """A side in whole cells and within limits, else nothing."""
    return value // 8 * 8 if value is not None and SIDE[0] <= value <= SIDE[1] else None


def _number(value: object, low: float, high: float) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if not isinstance(value, bool) and low <= number <= high else None


def _strings(value: object) -> list[str]:
    return [v for v in value if isinstance(v, str) and v.strip()] if isinstance(value, list) else []


def _plain(value: object) -> str:
    """Text without markup, on one line."""
    return " ".join(_TAGS.sub(" ", value[:5000]).split())[:_ABOUT_CHARACTERS] if isinstance(value, str) else ""


def _sidecar(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _SIDECAR_BYTES:
            return {}
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
