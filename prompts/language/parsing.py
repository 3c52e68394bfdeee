"""Prompt text -> syntax tree. Every text has a tree; what means nothing is words. Linear time, no recursion."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from prompts.language.networks import Tag, tags
from prompts.language.syntax import Alternating, And, Break, Comment, Network, Node, Prompt, Scheduled, Weighted, Words

DEPTH = 100
"""Brackets nested deeper are words."""

_TOKEN = re.compile(
    r"""
    (?P<words>    (?: [^\\()\[\]:|\#<BA]++ | \\(?:.|\Z) | (?<!\b)[BA] | B(?!REAK\b) | A(?!ND\b) )+ )
  | (?P<comment>  \#[^\n]* )
  | (?P<mark>     BREAK\b | AND\b )
  | (?P<sign>     \(+ | \[+ | \)+ | \]+ | [:|] )
  | (?P<angle>    < )
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSES = {")": "(", "]": "["}
_WEIGHT = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)\s*")
_WHEN = re.compile(r"\s*[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")


@dataclass(slots=True)
class _Frame:
    """An open bracket (or the whole prompt) while it is read."""

    opener: str
    start: int
    parts: list[list[Node]] = field(default_factory=lambda: [[]])
    dividers: list[tuple[str, int]] = field(default_factory=list)
    """The `:` and `|` between the parts, and where they stand."""

    def flat(self) -> list[Node]:
        """Parts and dividers in a row."""
        nodes = self.parts[0]
        for (divider, at), part in zip(self.dividers, self.parts[1:], strict=True):
            nodes.append(Words(divider, at, at + 1))
            nodes += part
        return nodes


def parse(text: str) -> Prompt:
    """The syntax tree of `text`, with source positions; `unparse` gives `text` back.

    Brackets without a partner, or across each other, are words; so are brackets nested deeper than `DEPTH`.
    """
    by_start: dict[int, Tag] = {tag.start: tag for tag in tags(text)} if "<" in text else {}
    reader = _Reader()
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        kind = None if match is None else match.lastgroup
        end = at + 1 if match is None else match.end()  # a lone first letter of a mark inside a word
        if kind == "sign":
            reader.sign(text[at:end], at)
        elif kind == "words" or kind is None:
            reader.add(Words(text[at:end], at, end))
        elif kind == "angle":
            tag = by_start.get(at)
            if tag is not None and "#" not in text[at : tag.end]:
                end = tag.end
                reader.add(Network(tag.kind, tag.arguments, at, end))
            else:
                reader.add(Words("<", at, end))
        elif kind == "comment":
            reader.add(Comment(text[at:end], at, end))
        else:
            reader.add(Break(at, end) if text[at] == "B" else And(at, end))
        at = end
    return Prompt(reader.finish())


class _Reader:
    """Puts leaves and signs, as they come, into a tree."""

    def __init__(self) -> None:
        self._stack = [_Frame("", 0)]
        self._too_deep = 0

    def add(self, node: Node) -> None:
        self._stack[-1].parts[-1].append(node)

    def sign(self, signs: str, at: int) -> None:
        """One divider, or a run of equal brackets."""
        if signs[0] in "([":
            self._open(signs, at)
        elif signs[0] in ")]":
            self._close_run(signs, at)
        elif self._stack[-1].opener and not self._too_deep:
            self._stack[-1].dividers.append((signs, at))
            self._stack[-1].parts.append([])
        else:
            self.add(Words(signs, at, at + 1))

    def _open(self, signs: str, at: int) -> None:
        room = max(0, min(len(signs), DEPTH + 1 - len(self._stack)))
        self._stack += [_Frame(signs[0], at + i) for i in range(room)]
        if room < len(signs):
            self._too_deep += len(signs) - room
            self.add(Words(signs[room:], at + room, at + len(signs)))

    def _close_run(self, signs: str, at: int) -> None:
        deep = min(self._too_deep, len(signs))
        self._too_deep -= deep
        used = deep
        if deep:
            self.add(Words(signs[:deep], at, at + deep))
        while used < len(signs) and self._close(signs[0], at + used + 1):
            used += 1
        if used < len(signs):
            self.add(Words(signs[used:], at + used, at + len(signs)))

    def finish(self) -> tuple[Node, ...]:
        while len(self._stack) > 1:
            self._spill()
        return _merged(self._stack[0].parts[0])

    def _close(self, sign: str, end: int) -> bool:
        """Close the nearest bracket of this kind; brackets of the other kind opened since are words."""
        opener = _CLOSES[sign]
        if self._stack[-1].opener != opener:
            if not any(frame.opener == opener for frame in self._stack):
                return False
            while self._stack[-1].opener != opener:
                self._spill()
        frame = self._stack.pop()
        self.add(_node(frame, end))
        return True

    def _spill(self) -> None:
        """The innermost open bracket turns out to be a word."""
        frame = self._stack.pop()
        self._stack[-1].parts[-1] += [Words(frame.opener, frame.start, frame.start + 1), *frame.flat()]


def _node(frame: _Frame, end: int) -> Node:
    """What a bracket pair means."""
    if not frame.dividers:
        return Weighted(frame.opener, _merged(frame.parts[0]), "", frame.start, end)
    dividers = "".join(sign for sign, _ in frame.dividers)
    last = frame.parts[-1]
    number = last[0].text if len(last) == 1 and isinstance(last[0], Words) else ""
    if frame.opener == "(" and dividers[-1] == ":" and _WEIGHT.fullmatch(number):
        frame.parts.pop()
        frame.dividers.pop()
        return Weighted("(", _merged(frame.flat()), f":{number}", frame.start, end)
    if frame.opener == "[" and not dividers.strip("|"):
        return Alternating(tuple(map(_merged, frame.parts)), frame.start, end)
    if frame.opener == "[" and dividers in (":", "::") and _WHEN.fullmatch(number):
        before = _merged(frame.parts[0]) if dividers == "::" else None
        return Scheduled(before, _merged(frame.parts[-2]), number, frame.start, end)
    return Weighted(frame.opener, _merged(frame.flat()), "", frame.start, end)


def _merged(nodes: list[Node]) -> tuple[Node, ...]:
    """Neighbouring words as one."""
    if len(nodes) < 2:
        return tuple(nodes)
    result: list[Node] = []
    run: list[Words] = []
    for node in nodes:
        if isinstance(node, Words):
            run.append(node)
            continue
        if run:
            result.append(_one(run))
            run = []
        result.append(node)
    if run:
        result.append(_one(run))
    return tuple(result)


def _one(run: list[Words]) -> Words:
    if len(run) == 1:
        return run[0]
    return Words("".join(words.text for words in run), run[0].start, run[-1].end)
