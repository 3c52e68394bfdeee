"""ComfyUI's prompt dialect: `(a)` x1.1, a number replaces the inherited weight, square brackets are letters."""

from __future__ import annotations

import re

from prompts.language.pieces import Join, Loss, Piece, Pieces, joined, weight_text

_TOKEN = re.compile(r"\\[()]|[()]|[^()\\]+|\\")
_NUMBER = re.compile(r":\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*\Z")
_EMBEDDING = re.compile(r"\bembedding:([^\s,:()]+)")
_SPECIAL = re.compile(r"[()]")
_ROUND = 1.1


def read_comfyui(text: str) -> tuple[Pieces, tuple[Loss, ...]]:
    """ComfyUI's dialect as pieces; nothing is lost. A bracket that is never closed counts as closed at the end."""
    closing = _closing_numbers(text)
    weights = [1.0]
    found: list[Piece | Join] = []
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token == "(":
            number = closing.get(match.start())
            weights.append(weights[-1] * _ROUND if number is None else number)
        elif token == ")":
            if len(weights) > 1:
                weights.pop()
            else:
                found.append(Piece(token))
        else:
            words = token[1:] if len(token) == 2 and token[0] == "\\" and token[1] in "()" else token
            found.append(Piece(_without_number(words, text, match.end(), len(weights) > 1), weights[-1]))
    pieces = joined(found)
    bare = (Piece(_EMBEDDING.sub(r"\1", p.text), p.weight) if isinstance(p, Piece) else p for p in pieces)
    return tuple(bare), ()


def _closing_numbers(text: str) -> dict[int, float]:
    """For each opening bracket whose pair ends in `:number`, that number."""
    opened: list[int] = []
    numbers: dict[int, float] = {}
    last = ""
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token == "(":
            opened.append(match.start())
        elif token == ")" and opened:
            found = _NUMBER.search(last)
            start = opened.pop()
            if found is not None:
                numbers[start] = float(found[1])
        last = token
    return numbers


def _without_number(words: str, text: str, end: int, is_inside: bool) -> str:  # noqa: FBT001
    """`words` without the `:number` that belongs to the bracket closing right behind it."""
    return _NUMBER.sub("", words) if is_inside and text[end : end + 1] == ")" else words


def write_comfyui(pieces: Pieces) -> tuple[str, tuple[Loss, ...]]:
    """Pieces as ComfyUI text, flat; chunk breaks and composition are reported."""
    out: list[str] = []
    losses: list[Loss] = []
    is_weighted = False
    for piece in pieces:
        if isinstance(piece, Join):
            out.append(", ")
            losses.append(
                Loss("break", "BREAK", "Use two text nodes and Conditioning (Concat).")
                if piece.is_break
                else Loss("and", "AND", "Use two text nodes and Conditioning (Combine).")
            )
            continue
        text = _SPECIAL.sub(r"\\\g<0>", piece.text)
        is_weighted |= piece.weight != 1
        out.append(text if piece.weight == 1 else f"({text}:{weight_text(piece.weight)})")
    if is_weighted:
        message = (
            "ComfyUI interpolates from the empty prompt where A1111 scales: equal weights act a little differently."
        )
        losses.append(Loss("weight_method", "", message))
    return "".join(out), tuple(losses)
