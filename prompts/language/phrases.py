"""The comma-separated phrases of a prompt, with positions and without their syntax."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DIVIDER = re.compile(r"[,，、\n]|\b(?:BREAK|AND)\b")
_SYNTAX = re.compile(r"\\(.)|:\s*[+-]?[.\d]+\s*(?=[)\]])|[()\[\]]|<\w+:[^>]*>", re.DOTALL)
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Phrase:
    """What stands between two commas."""

    text: str
    """As written, without surrounding white space; never empty."""
    start: int
    end: int

    @property
    def words(self) -> str:
        """What it says: no brackets, weights or tags, one space between words, lower case."""
        return plain(self.text).casefold()


def phrases(text: str) -> tuple[Phrase, ...]:
    """The phrases of `text` in order: commas, line breaks, `BREAK` and `AND` divide, brackets do not hold together."""
    found: list[Phrase] = []
    at = 0
    ends = [(mark.start(), mark.end()) for mark in _DIVIDER.finditer(text)]
    for stop, following in [*ends, (len(text), len(text))]:
        piece = text[at:stop]
        bare = piece.strip()
        if bare:
            start = at + len(piece) - len(piece.lstrip())
            found.append(Phrase(bare, start, start + len(bare)))
        at = following
    return tuple(found)


def plain(text: str) -> str:
    """`text` without syntax: no brackets, weights or tags, escapes resolved, one space between words."""
    return _SPACE.sub(" ", _SYNTAX.sub(lambda mark: mark[1] or "", text)).strip()
