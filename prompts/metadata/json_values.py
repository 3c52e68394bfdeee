"""Careful looks into JSON that somebody else wrote: a value of the wanted type, or nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

Json = Mapping[str, Any]


def parse_object(text: str) -> dict[str, Any] | None:
    """The JSON object that `text` is; `None` for anything else (ComfyUI's bare `NaN` included as nothing)."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def string(values: Json, *names: str) -> str | None:
    """The first of `names` that holds a text that is not empty."""
    for name in names:
        value = values.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def whole(values: Json, *names: str) -> int | None:
    """The first of `names` that holds a whole number (a numeric text counts)."""
    value = real(values, *names)
    return int(value) if value is not None and value == int(value) and abs(value) < 1e18 else None


def real(values: Json, *names: str) -> float | None:
    """The first of `names` that holds a finite number (a numeric text counts)."""
    for name in names:
        value = values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            continue
        try:
            found = float(value)
        except (ValueError, OverflowError):
            continue
        if math.isfinite(found):
            return found
    return None


def seed(values: Json, *names: str) -> int | None:
    """A seed, exact to the last digit (floats hold only 53 bits)."""
    for name in names:
        value = values.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and len(value) < 21 and value.removeprefix("-").isdecimal():
            return int(value)
    return whole(values, *names)


def object_in(values: Json, name: str) -> Json:
    """The object under `name`; empty when there is none."""
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def objects_in(values: Json, name: str) -> list[Json]:
    """The objects in the list under `name`."""
    value = values.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def leftovers(values: Json, used: Iterable[str], prefix: str = "") -> tuple[tuple[str, str], ...]:
    """Every value that was not used, as text pairs, so that nothing is lost."""
    skip = set(used)
    return tuple((prefix + str(key), _text(value)) for key, value in values.items() if key not in skip)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
