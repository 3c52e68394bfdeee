"""Attention weights: `(a)`, `[a]`, `(a:1.3)`, escapes and `BREAK`, read as the A1111 web UI reads them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

ROUND = 1.1
"""What one pair of round brackets multiplies by."""
SQUARE = 1 / 1.1
"""What one pair of square brackets multiplies by."""
BREAK = "BREAK"
"""The fragment that closes a chunk; recognised only with weight -1 (A1111's mark)."""

_TOKEN = re.compile(
    r"""
    \\ [()\[\]\\]?                   # an escape; a lone backslash disappears
  | :\s* ([+-]?[.\d]+) \s*\)        # a number closes a round bracket
  | [^\\()\[\]:]+
  | \(+ | \[+ | \)+ | \]+ | :        # brackets in runs, so that deep nesting costs little
    """,
    re.VERBOSE,
)
_SIGNS = frozenset("\\()[]:")
_BREAK = re.compile(rf"\b{BREAK}\b")
_EXACT_WORK = 64  # multiplications per fragment up to which A1111's order of multiplying is kept


@dataclass(slots=True)
class Fragment:
    """A stretch of prompt text with one weight; `start..end` is where its source text stands."""

    text: str
    weight: float
    start: int
    end: int

    @property
    def is_break(self) -> bool:
        """Whether this is the mark that closes a chunk, not words."""
        return self.weight == -1 and self.text == BREAK


class Pair(NamedTuple):
    """One bracket pair: `text[start]` opens, `text[end - 1]` closes."""

    opener: str
    start: int
    end: int
    number: tuple[int, int] | None = None
    """Where the digits of `(…:1.3)` stand; `None` without a number."""


class PairRun(NamedTuple):
    """Bracket pairs directly inside each other, `(((a)))`, as one."""

    opener: str
    start: int
    """Where the outermost opens."""
    end: int
    """Behind where the outermost closes."""
    times: int = 1
    number: tuple[int, int] | None = None

    def pairs(self) -> Iterator[Pair]:
        """The pairs, the innermost first."""
        for i in range(self.times - 1, -1, -1):
            yield Pair(self.opener, self.start + i, self.end - i, self.number)


class _Closed(NamedTuple):
    """A bracket run that is closed (or counts as closed): where it stands and what it weighs."""

    first: int
    """Fragments `first..stop` (exclusive) are multiplied by `factor`, `times` times."""
    stop: int
    factor: float
    times: int
    is_round: bool
    start: int = -1
    """Of its text; -1 when it was never closed."""
    end: int = -1
    number: tuple[int, int] | None = None


@dataclass(slots=True)
class _Open:
    """A run of opening brackets that is not closed yet."""

    first: int
    """The fragment that follows it."""
    start: int
    count: int


@dataclass(slots=True)
class Scan:
    """One pass over a prompt: its weighted stretches and its brackets, by A1111's rules."""

    fragments: list[Fragment] = field(default_factory=list)
    """In order, unmerged; empty for empty text."""
    closed: list[_Closed] = field(default_factory=list)
    stray: list[int] = field(default_factory=list)
    """Positions of brackets without a partner, ascending; escaped ones are no brackets."""

    @property
    def runs(self) -> list[PairRun]:
        """Bracket pairs in the order they close; round and square ones are matched apart, so they may cross."""
        return [
            PairRun("(" if c.is_round else "[", c.start, c.end, c.times, c.number) for c in self.closed if c.start >= 0
        ]


def attention(text: str) -> list[tuple[str, float]]:
    """`text` as A1111 weighs it: fragments with their weights, `("BREAK", -1)` for a chunk break.

    Brackets that do not balance count as closed at the end; escapes are resolved; neighbours of equal weight
    are one fragment. Empty text is one empty fragment of weight 1. Two inputs that make A1111 fail are read
    by rule here: `(a:1.2.3)` and `(a:...)` have no number, so the text is kept and the bracket counts 1.1.

    Takes linear time. Weights equal A1111's to the last bit unless brackets are nested absurdly deep
    (more than about 64 around every fragment), then to within rounding.
    """
    return [(f.text, f.weight) for f in merged(fragments(text))]


def fragments(text: str) -> list[Fragment]:
    """The weighted stretches of `text` in order, unmerged, with source positions; empty for empty text."""
    return scan(text).fragments


def scan(text: str) -> Scan:
    """The weighted stretches and the brackets of `text`. Linear time."""
    found = Scan()
    pieces = found.fragments
    opened: dict[str, list[_Open]] = {"(": [], "[": []}
    for match in _TOKEN.finditer(text):
        token = match[0]
        sign = token[0]
        if sign not in _SIGNS:
            _add_text(pieces, token, match.start())
        elif sign in opened:
            opened[sign].append(_Open(len(pieces), match.start(), len(token)))
        elif sign == "\\":
            pieces.append(Fragment(token[1:], 1.0, match.start(), match.end()))
        elif token == ":":
            _add_text(pieces, token, match.start())
        else:
            _close(found, opened["[" if sign == "]" else "("], match)
    for opener, entries in opened.items():
        factor = ROUND if opener == "(" else SQUARE
        found.closed += [_Closed(entry.first, len(pieces), factor, entry.count, opener == "(") for entry in entries]
        for entry in entries:
            found.stray += range(entry.start, entry.start + entry.count)
    found.stray.sort()
    _weigh(pieces, found.closed)
    return found


def _close(found: Scan, entries: list[_Open], match: re.Match[str]) -> None:
    """A run of closing brackets, or a number with one."""
    token, pieces = match[0], found.fragments
    is_round = token[0] != "]"
    factor = ROUND if is_round else SQUARE
    number = None
    left, at = len(token), match.start()
    if match[1] is not None:
        left, at = 1, match.end() - 1
        given = _number(match[1])
        if not entries or given is None:
            _add_text(pieces, token[:-1], match.start())
        else:
            factor, number = given, match.span(1)
    while left and entries:
        top = entries[-1]
        count = min(top.count, left)
        top.count -= count
        start, end = top.start + top.count, at + count
        found.closed.append(_Closed(top.first, len(pieces), factor, count, is_round, start, end, number))
        left, at = left - count, at + count
        if not top.count:
            entries.pop()
    if left:
        _add_text(pieces, token[-left:], at)
        found.stray += range(at, at + left)


def merged(pieces: list[Fragment]) -> list[Fragment]:
    """Neighbours of equal weight as one fragment; no fragments become one empty one, as in A1111."""
    result: list[Fragment] = []
    texts: list[list[str]] = []
    for piece in pieces:
        if result and result[-1].weight == piece.weight:
            texts[-1].append(piece.text)
            result[-1].end = piece.end
        else:
            result.append(Fragment(piece.text, piece.weight, piece.start, piece.end))
            texts.append([piece.text])
    for fragment, parts in zip(result, texts, strict=True):
        fragment.text = "".join(parts)
    return result or [Fragment("", 1.0, 0, 0)]


def _number(digits: str) -> float | None:
    try:
        return float(digits)
    except ValueError:  # `1.2.3` or `...`: A1111 fails here
        return None


def _add_text(pieces: list[Fragment], token: str, at: int) -> None:
    """Append `token` cut at `BREAK`s; white space around a `BREAK` belongs to it."""
    if BREAK not in token:
        pieces.append(Fragment(token, 1.0, at, at + len(token)))
        return
    left = 0
    for mark in _BREAK.finditer(token):
        _add_part(pieces, token[left : mark.start()].rstrip(), left > 0, at + left)
        pieces.append(Fragment(BREAK, -1.0, at + mark.start(), at + mark.end()))
        left = mark.end()
    _add_part(pieces, token[left:], left > 0, at + left)


def _add_part(pieces: list[Fragment], part: str, follows_break: bool, at: int) -> None:  # noqa: FBT001
    text = part.lstrip() if follows_break else part
    start = at + len(part) - len(text)
    pieces.append(Fragment(text, 1.0, start, start + len(text)))


def _weigh(pieces: list[Fragment], ranges: list[_Closed]) -> None:
    """Multiply every fragment by the factors of the brackets around it."""
    work = sum((r.stop - r.first) * r.times for r in ranges)
    if work <= _EXACT_WORK * (len(pieces) + sum(r.times for r in ranges)):
        for r in ranges:  # A1111's order: as the brackets close, one after the other
            for piece in pieces[r.first : r.stop]:
                weight = piece.weight
                for _ in range(r.times):
                    weight *= r.factor
                piece.weight = weight
        return
    for is_round in (True, False):
        _weigh_nested(pieces, [r for r in ranges if r.is_round is is_round])


def _weigh_nested(pieces: list[Fragment], ranges: list[_Closed]) -> None:
    """The same product from the outside in, once per bracket; ranges of one bracket kind always nest."""
    ordered = sorted(ranges, key=lambda r: (r.first, -r.stop))
    around: list[tuple[int, float]] = []  # (where it ends, product so far)
    following = iter([*ordered, _Closed(len(pieces) + 1, len(pieces) + 1, 1.0, 1, is_round=True)])
    upcoming = next(following)
    for i, piece in enumerate(pieces):
        while around and around[-1][0] <= i:
            around.pop()
        while upcoming.first == i:
            if upcoming.stop > i:
                product = (around[-1][1] if around else 1.0) * _power(upcoming.factor, upcoming.times)
                around.append((upcoming.stop, product))
            upcoming = next(following)
        if around:
            piece.weight *= around[-1][1]


def _power(factor: float, count: int) -> float:
    try:
        return float(factor**count)
    except OverflowError:
        return math.inf
