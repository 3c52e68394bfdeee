"""The words a LoRA answers to, and the strength its author suggests: from the file's metadata or a note beside it.

Read, first to last: A1111's user metadata (`name.json`: `activation text`, `preferred weight`), Civitai Helper's
`name.civitai.info` and LoRA Manager's `name.metadata.json` (`trainedWords`), then the file's own
`modelspec.trigger_phrase` and kohya's `ss_tag_frequency`.
What these notes say is data of strangers: lengths and counts are bounded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SIDECARS = (".json", ".civitai.info", ".metadata.json")
WORDS = 8  # trigger words kept of one LoRA
WORD_CHARACTERS = 100
ALWAYS = 0.95  # share of a data set's captions that a tag must stand in to be what the LoRA answers to
_SIDECAR_BYTES = 1_000_000
_ABOUT_CHARACTERS = 300
_EVERYDAY = frozenset(
    (
        *("1girl", "1boy", "solo", "smile", "blush", "bangs", "breasts", "highres", "standing", "sitting", "outdoors"),
        *("indoors", "no humans", "simple background", "white background", "looking at viewer", "long hair"),
        *("short hair", "open mouth", "full body", "upper body", "shirt", "skirt", "dress", "hat"),
    )
)
"""Booru tags that most captions hold: no LoRA answers to them."""


@dataclass(frozen=True, slots=True)
class LoraNotes:
    """What is known of a LoRA beside its weights; empty where nothing is."""

    triggers: tuple[str, ...] = ()
    """Words the prompt needs, the most telling first."""
    weight: float | None = None
    """The strength to suggest; `None` when nobody says."""
    about: str = ""
    """One line for a person."""


def lora_notes(path: Path, metadata: Mapping[str, str]) -> LoraNotes:
    """The notes for the LoRA file `path`.

    Args:
        path: The `.safetensors` file; its neighbours are looked at, it is not opened.
        metadata: The `__metadata__` of its header.
    """
    found = [_sidecar(path.with_suffix(suffix)) for suffix in SIDECARS]
    triggers = [*_words(found), *_own_words(metadata)]
    weight = next((w for note in found if (w := _number(note.get("preferred weight"))) is not None and w != 0), None)
    about = next((str(note[k]) for note in found for k in ("description", "notes") if note.get(k)), "")
    about = about or metadata.get("modelspec.description", "")
    return LoraNotes(tuple(dict.fromkeys(triggers))[:WORDS], weight, " ".join(about.split())[:_ABOUT_CHARACTERS])


def sidecar_times(path: Path) -> tuple[int, ...]:
    """Modification times of the notes beside `path` (ns; 0 for a missing one): when they differ, read again."""
    return tuple(_time(path.with_suffix(suffix)) for suffix in SIDECARS)


def _words(notes: Iterable[Mapping[str, Any]]) -> list[str]:
    words: list[str] = []
    for note in notes:
        civitai = note.get("civitai")
        listed = note.get("trainedWords") or (civitai.get("trainedWords") if isinstance(civitai, Mapping) else None)
        texts = [note.get("activation text"), *(listed if isinstance(listed, list) else ())]
        words += [word for text in texts if isinstance(text, str) for word in _clean(text)]
    return words


def _own_words(metadata: Mapping[str, str]) -> list[str]:
    words = _clean(metadata.get("modelspec.trigger_phrase", ""))
    return words or _constant_tags(metadata.get("ss_tag_frequency", ""), metadata.get("ss_dataset_dirs", ""))


def _constant_tags(frequency: str, folders: str) -> list[str]:
    """Tags that nearly every caption of a data set holds, the most frequent first; needs the number of its pictures."""
    counts, sizes = _json(frequency), _json(folders)
    found: list[tuple[int, str]] = []
    for folder, tags in counts.items():
        about = sizes.get(folder)
        pictures = _number(about.get("img_count")) if isinstance(about, Mapping) else None
        if not isinstance(tags, Mapping) or not pictures or len(tags) > 100_000:
            continue
        for tag, count in tags.items():
            times = _number(count)
            if times is not None and times >= ALWAYS * pictures and tag.strip().casefold() not in _EVERYDAY:
                found += [(int(times), word) for word in _clean(tag)]
    return [word for _, word in sorted(found, key=lambda pair: -pair[0])][:2]


def _clean(text: str) -> list[str]:
    words = (" ".join(part.split()) for part in text.replace("\n", ",").split(","))
    return [w for w in words if 0 < len(w) <= WORD_CHARACTERS and not any(sign in w for sign in "<>{}|")]


def _sidecar(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _SIDECAR_BYTES:
            return {}
        return _json(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and -10 <= value <= 10_000_000 else None  # type: ignore[arg-type, operator]


def _time(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
