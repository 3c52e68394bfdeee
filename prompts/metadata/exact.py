"""The `Spellwright` pair: as JSON, what A1111's format has no words for, tied to its text by a checksum."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, fields, replace
from typing import Any, TypeVar

from prompts.spell import HiresFix, Lora, Params, Spell

EXACT = "Spellwright"
"""The pair's key; always the last pair, written only when it is needed."""
_ALLOWED: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "str | None": (str, type(None)),
    "int | None": (int, type(None)),
    "float | None": (int, float, type(None)),
}
_Record = TypeVar("_Record", Lora, HiresFix, Params)


def exact_pair(spell: Spell, body: str) -> str:
    """The pair that makes `body` (the infotext without it) stand for exactly `spell`."""
    values: dict[str, Any] = {
        "of": _checksum(body),
        "prompt": spell.prompt,
        "negative_prompt": spell.negative_prompt,
        "loras": [asdict(lora) for lora in spell.loras],
        "params": _without_none(asdict(spell.params)),
        "extra": spell.extra,
    }
    given = {name: value for name, value in values.items() if value}
    text = json.dumps(given, ensure_ascii=False)
    if not _is_encodable(text):
        text = json.dumps(given)
    return f"{EXACT}: {json.dumps(text, ensure_ascii=False)}"


def exact_spell(value: str, body: str) -> Spell | None:
    """The spell that the pair's `value` holds; `None` when it is damaged or `body` was changed since."""
    try:
        values = json.loads(value)
        if values["of"] != _checksum(body):
            return None
        return Spell(
            prompt=_text(values.get("prompt", "")),
            negative_prompt=_text(values.get("negative_prompt", "")),
            loras=tuple(_record(Lora, lora) for lora in values.get("loras", ())),
            params=_params(values.get("params", {})),
            extra=tuple((_text(key), _text(text)) for key, text in values.get("extra", ())),
            written=body,
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _params(values: dict[str, Any]) -> Params:
    hires = values.pop("hires", None)
    params = _record(Params, values)
    if hires is None:
        return params
    resize = hires.pop("resize_to", None)
    second = _record(HiresFix, hires)
    if resize is not None:
        width, height = resize
        second = replace(second, resize_to=(_whole(width), _whole(height)))
    return replace(params, hires=second)


def _record(kind: type[_Record], values: dict[str, Any]) -> _Record:
    """A `kind` whose values have the annotated types."""
    annotations = {field.name: str(field.type) for field in fields(kind)}
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, _ALLOWED[annotations[name]]):
            raise TypeError(name)
    return kind(**values)


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError(value)
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in values.items() if value is not None}
    if "hires" in kept:
        kept["hires"] = _without_none(kept["hires"])
    return kept


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.strip().encode(errors='replace')):08x}"


def _is_encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
