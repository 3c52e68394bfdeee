"""Which brackets of a prompt belong together, with positions, by A1111's rules."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MARK = re.compile(r"\\.|(?P<number>:\s*([+-]?[.\d]+)\s*\))|[()\[\]]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pair:
    """One bracket pair: `text[start]` opens, `text[end - 1]` closes."""

    opener: str
    start: int
    end: int
    number: tuple[int, int] | None = None
    """Where the digits of `(…:1.3)` stand; `None` without a number."""


@dataclass(frozen=True, slots=True)
class Brackets:
    """All brackets of a text; escaped ones are not brackets."""

    pairs: tuple[Pair, ...]
    """In the order they close."""
    stray: tuple[int, ...]
    """Positions of brackets without a partner, ascending."""


def brackets(text: str) -> Brackets:
    """The bracket pairs of `text`; round and square ones are matched apart, as A1111 does. Linear time."""
    opened: dict[str, list[int]] = {"(": [], "[": []}
    pairs: list[Pair] = []
    stray: list[int] = []
    for mark in _MARK.finditer(text):
        token = mark.group()
        if token in opened:
            opened[token].append(mark.start())
        elif mark["number"] and opened["("]:
            pairs.append(Pair("(", opened["("].pop(), mark.end(), mark.span(2)))
        elif token[0] != "\\":
            opener = "[" if token == "]" else "("
            if opened[opener]:
                pairs.append(Pair(opener, opened[opener].pop(), mark.end()))
            else:
                stray.append(mark.end() - 1)
    stray += opened["("] + opened["["]
    return Brackets(tuple(pairs), tuple(sorted(stray)))
