"""What every prompt dialect can be read into: stretches of plain text with effective weights, and chunk breaks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from prompts.language.composition import split_and
from prompts.language.networks import number
from prompts.language.parsing import parse
from prompts.language.syntax import Alternating, And, Break, Comment, Network, Node, Prompt, Scheduled, Weighted, Words
from prompts.language.syntax import unparse as _unparse
from prompts.language.weights import attention

DIGITS = 4
"""Weights are written with so many digits behind the point."""
WIDEST = 100.0
"""No weight is written larger; pictures are long gone there."""
_A1111_SIGNS = re.compile(r"[()\[\]\\]")


@dataclass(frozen=True, slots=True)
class Piece:
    """Plain text, escapes resolved, and the weight it has in the end."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Join:
    """Between two prompts: a new chunk (`is_break`), or composition (`AND`)."""

    is_break: bool
    weight: float = 1.0
    """Of the `AND` part that ends here."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that one dialect says and the other cannot."""

    code: str
    """Stable, snake_case."""
    text: str
    """The words in question, as they were written."""
    message: str
    """What became of it and what to do instead."""


Pieces = tuple[Piece | Join, ...]


def read_a1111(text: str) -> tuple[Pieces, tuple[Loss, ...]]:
    """A1111's dialect. Scheduling, alternation and networks cannot be pieces: they are resolved and reported."""
    losses: list[Loss] = []
    resolved = _resolved(parse(text).children, losses)
    found: list[Piece | Join] = []
    parts = split_and(resolved)
    for i, (part, weight) in enumerate(parts):
        for words, factor in attention(part):
            if (words, factor) == ("BREAK", -1):
                found.append(Join(is_break=True))
            elif words:
                found.append(Piece(words, factor))
        if i + 1 < len(parts) or weight != 1:
            found.append(Join(is_break=False, weight=weight))
    if len(parts) == 1 and parts[0][1] != 1:  # a bare trailing number is eaten, as A1111 does
        found.pop()
        losses.append(Loss("weight_eaten", f":{number(parts[0][1])}", "A1111 drops a number at the very end."))
    return tuple(found), tuple(losses)


def _resolved(nodes: Iterable[Node], losses: list[Loss]) -> str:
    """Recursive over brackets, at most `parsing.DEPTH` deep."""
    return "".join(_resolved_node(node, losses) for node in nodes)


def _resolved_node(node: Node, losses: list[Loss]) -> str:
    match node:
        case Words(text=text):
            return text
        case Comment():
            return ""
        case Network():
            losses.append(Loss("network", _source(node), "Extra networks are no text there: load the file itself."))
            return ""
        case Scheduled(before=before, after=after, when=when):
            is_late = "." in when and float(when) > 0.5
            losses.append(
                Loss("scheduling", _source(node), f"Only what is drawn longer is kept; it switched at {when}.")
            )
            return _resolved((before or ()) if is_late else after, losses)
        case Alternating(options=options):
            losses.append(Loss("alternation", _source(node), "Only the first of the alternating options is kept."))
            return _resolved(options[0], losses)
        case Weighted(opener=opener, children=children, number=digits):
            return f"{opener}{_resolved(children, losses)}{digits}{')' if opener == '(' else ']'}"
        case Break():
            return "BREAK"
        case And():
            return "AND"


def _source(node: Node) -> str:
    return _unparse(Prompt((node,)))


def write_a1111(pieces: Pieces) -> tuple[str, tuple[Loss, ...]]:
    """Pieces as A1111 text: flat brackets, one per weight."""
    out: list[str] = []
    losses: list[Loss] = []
    for piece in pieces:
        if isinstance(piece, Join):
            weight = "" if piece.is_break or piece.weight == 1 else f" :{weight_text(piece.weight)}"
            out.append(" BREAK " if piece.is_break else f"{weight} AND ")
            continue
        text = _A1111_SIGNS.sub(r"\\\g<0>", piece.text)
        if "#" in text:
            losses.append(Loss("comment", "#", "A1111 takes everything from # to the line's end as a comment."))
        out.append(text if piece.weight == 1 else f"({text}:{weight_text(piece.weight)})")
    return "".join(out), tuple(losses)


def weight_text(weight: float) -> str:
    """A weight as people write it: `1.1`, `0.9091`; without end or bounds in the other direction, `WIDEST`."""
    return number(round(max(-WIDEST, min(WIDEST, weight)), DIGITS))


def joined(pieces: Iterable[Piece | Join]) -> Pieces:
    """Neighbours of equal weight as one piece; empty ones are gone."""
    result: list[Piece | Join] = []
    for piece in pieces:
        last = result[-1] if result else None
        if isinstance(piece, Piece):
            if not piece.text:
                continue
            if isinstance(last, Piece) and last.weight == piece.weight:
                result[-1] = Piece(last.text + piece.text, last.weight)
                continue
        result.append(piece)
    return tuple(result)
