"""`AND`: several prompts for one picture, each with a weight (composable diffusion)."""

from __future__ import annotations

import re

_AND = re.compile(r"\bAND\b")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?|\d*\.\d+)")


def split_and(text: str) -> list[tuple[str, float]]:
    """The prompts that `AND` joins, each with its weight: `a :1.2 AND b` -> `[("a", 1.2), (" b", 1.0)]`.

    A1111's rule, quirk included: a number after the last colon is a weight even when there is no `AND` at all,
    so `a cat:1.2` loses its ending. White space before the colon and at the end goes too.
    """
    return [cut_weight(part) for part in _AND.split(text)]


def cut_weight(text: str) -> tuple[str, float]:
    """`text` without the `: number` at its end, and the number; 1.0 when there is none."""
    bare = text.rstrip()
    head, colon, tail = bare.rpartition(":")
    if not colon or not _NUMBER.fullmatch(tail.lstrip()):
        return bare, 1.0
    return head.rstrip(), float(tail)
