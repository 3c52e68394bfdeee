"""The comma-separated phrases of a prompt, with positions and without their syntax.

For looking: the linter and the page want what stands between commas, brackets or not, also of a broken prompt.
For changing a prompt there is `prompts.expansion.phrases`, which keeps brackets, weights and schedules whole.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_COMMA = re.compile(r"[,，、\n]")
_DIVIDER = re.compile(r"[,，、\n]|\b(?:BREAK|AND)\b")
_SYNTAX = re.compile(r"\\(.)|:\s*[+-]?[.\d]+\s*(?=[)\]])|[()\[\]]+|<\w+:[^<>]*>", re.DOTALL)
_SIGN = re.compile(r"[\\()\[\]<]")


class Phrase(NamedTuple):
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
    divider = _DIVIDER if "AND" in text or "BREAK" in text else _COMMA  # the short one is several times faster
    for stop, following in [*(mark.span() for mark in divider.finditer(text)), (len(text), len(text))]:
        piece = text[at:stop]
        bare = piece.strip()
        if bare:
            start = at + len(piece) - len(piece.lstrip())
            found.append(Phrase(bare, start, start + len(bare)))
        at = following
    return tuple(found)


def plain(text: str) -> str:
    """`text` without syntax: no brackets, weights or tags, escapes resolved, one space between words."""
    if _SIGN.search(text):
        text = _SYNTAX.sub(lambda mark: mark[1] or "", text)
    return " ".join(text.split())
