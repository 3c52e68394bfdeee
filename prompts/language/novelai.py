"""NovelAI's prompt dialect, read only: `{a}` x1.05, `[a]` /1.05, `1.2::a::`, round brackets are letters."""

from __future__ import annotations

import re

from prompts.language.pieces import Join, Loss, Piece, Pieces, joined

_TOKEN = re.compile(r"[{}\[\]]|(?P<number>-?\d+(?:\.\d+)?)(?:::)?|::|[^{}\[\]:\d-]+|.", re.DOTALL)
_STEP = 1.05
_DEEPEST = 100  # brackets; more change nothing anybody could see


def read_novelai(text: str) -> tuple[Pieces, tuple[Loss, ...]]:
    """NovelAI's dialect as pieces; nothing is lost."""
    found: list[Piece | Join] = []
    exponent = 0
    emphasis = 1.0
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token in ("{", "]"):
            exponent += 1
        elif token in ("}", "["):
            exponent -= 1
        elif token.endswith("::"):
            emphasis = float(match["number"]) if match["number"] else 1.0
        else:
            found.append(Piece(token, emphasis * _STEP ** max(-_DEEPEST, min(_DEEPEST, exponent))))
    return joined(found), ()
