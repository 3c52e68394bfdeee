"""The parameters line of an infotext: `Steps: 20, Sampler: Euler a, …` cut into pairs, and pairs joined again."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_KEY = re.compile(r"\s*([^\s,:\"{\[][^,:\"\n]*):[^\S\n]*")
_QUOTED = re.compile(r"\"(?:\\.|[^\\\"])*\"[^\S\n]*(?=,|\Z)")
_BARE = re.compile(r"[^,]*")
_decode_json = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class Pair:
    """One `key: value` of the line."""

    key: str
    value: str
    """What it says: unquoted; JSON stays JSON text."""
    raw: str
    """The whole pair as written, without the separating comma."""


def split_pairs(line: str) -> tuple[Pair, ...]:
    """The pairs of `line` in order; empty for blank text. Nothing is dropped, linear time.

    Values may be bare (to the next comma), JSON strings, or (Civitai's way) JSON objects and arrays with no quotes
    around. Empty values are kept as `""`. A part without a colon is a pair whose value is its key (A1111 writes so
    when both are equal).
    """
    pairs: list[Pair] = []
    at = 0
    while at < len(line):
        key = _KEY.match(line, at)
        if key is None:
            end = _BARE.match(line, at).end()  # type: ignore[union-attr]  # matches the empty string too
            text = line[at:end].strip()
            if text:
                pairs.append(Pair(text, text, text))
        else:
            value, end = _value(line, key.end())
            pairs.append(Pair(key[1].rstrip(), value, line[at:end].strip()))
        at = end + 1
    return tuple(pairs)


def _value(line: str, at: int) -> tuple[str, int]:
    """The value that starts at `at`, and where it ends (at a comma or the line's end)."""
    quoted = _QUOTED.match(line, at)
    if quoted is not None:
        return unquoted(quoted.group().rstrip()), quoted.end()
    if line[at : at + 1] in ("{", "["):
        end = _json_end(line, at)
        if end is not None:
            return line[at:end].rstrip(), end
    end = _BARE.match(line, at).end()  # type: ignore[union-attr]
    return line[at:end].strip(), end


def _json_end(line: str, at: int) -> int | None:
    """Where the JSON value at `at` ends, when a comma or the end follows."""
    try:
        _, end = _decode_json(line, at)
    except (ValueError, RecursionError):
        return None
    while end < len(line) and line[end].isspace():
        end += 1
    return end if end == len(line) or line[end] == "," else None


def unquoted(text: str) -> str:
    """The string a JSON string stands for; anything else is itself."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    try:
        value = json.loads(text, strict=False)
    except ValueError:
        return text
    return value if isinstance(value, str) else text


def join_pair(key: str, value: str) -> str:
    """`key: value` as A1111 writes it: quoted when the value has a comma, colon or line break.

    A value that would not read back so is quoted too; JSON objects and arrays stay bare, as Civitai writes them.
    """
    if key == value and ":" not in key:
        bare = key
    else:
        bare = f"{key}: {value}"
        needs_quotes = any(c in value for c in ",:\n")
        if needs_quotes and not (value[:1] in ("{", "[") and "\n" not in value):
            return f"{key}: {json.dumps(value, ensure_ascii=False)}"
    if [(p.key, p.value) for p in split_pairs(bare)] == [(key, value)]:
        return bare
    return f"{key}: {json.dumps(value, ensure_ascii=False)}"
