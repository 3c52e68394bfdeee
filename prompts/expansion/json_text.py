"""Finding the JSON object in what a language model wrote around it."""

from __future__ import annotations

import json
from typing import Any

_DEPTH = 32


def find_object(text: str) -> dict[str, Any] | None:
    """The first JSON object of `text` (fences, prose and think blocks around it do not matter).

    `NaN` and `Infinity` are not JSON here. Objects nested deeper than 32 and texts without any
    object give `None`.
    """
    body = text.rpartition("</think>")[2]
    decoder = json.JSONDecoder(parse_constant=_refuse)
    start = body.find("{")
    tries = 0
    while start != -1 and tries < 8:
        if _depth(body, start) <= _DEPTH:
            try:
                value, _ = decoder.raw_decode(body, start)
            except (ValueError, RecursionError):
                value = None
            if isinstance(value, dict):
                return value
        tries += 1
        start = body.find("{", start + 1)
    return None


def without_halves(value: Any) -> Any:
    """`value` (from JSON, nested as `find_object` allows) with U+FFFD for halves of surrogate pairs and for NUL.

    Some servers cut a character in two; neither half can be stored or sent on.
    """
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, list):
        return [without_halves(part) for part in value]
    if isinstance(value, dict):
        return {whole_text(name): without_halves(part) for name, part in value.items()}
    return value


def whole_text(text: str) -> str:
    """`text` with U+FFFD for halves of surrogate pairs and for NUL; two halves that belong together become one."""
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return joined.replace("\0", "\ufffd")


def _refuse(name: str) -> None:
    raise ValueError(name)


def _depth(text: str, start: int) -> int:
    """How deep brackets nest from `start` to the end of the object, strings left aside."""
    depth = deepest = 0
    in_string = is_escaped = False
    for position in range(start, len(text)):
        char = text[position]
        if in_string:
            if is_escaped:
                is_escaped = False
            elif char == "\\":
                is_escaped = True
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "}]":
            depth -= 1
            if depth == 0:
                break
    return deepest
