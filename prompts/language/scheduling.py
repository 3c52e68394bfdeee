"""Prompt editing: `[from:to:when]` and `[a|b]`, resolved to the text in force at each step as A1111 does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(r"(?:[^\\\[\]():|]++|\\.)++|\(+|\[+|\)+|\]+|[:|]")  # brackets in runs: depth costs little
_NUMBER = re.compile(r"\s*([+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*")
_CLOSES = {")": "(", "]": "["}
_FAR = 1e9  # further than any step; keeps `int()` from overflowing on 1e999


@dataclass(slots=True)
class Part:
    """Text and constructs in a row."""

    items: list[str | Part | Edit | Alternation] = field(default_factory=list)


@dataclass(slots=True)
class Edit:
    """`[before:after:when]` or `[after:when]`: `before` up to and including step `when`, then `after`."""

    before: Part
    after: Part
    when: str
    """As written: with a point a share of the steps, without one a step number."""

    def step(self, steps: int, base_steps: int | None) -> int:
        """The last step of `before` in a pass of `steps`; `base_steps` is given for a hires pass only.

        In the hires pass whole numbers go on counting from the first pass and fractions from 1.0.
        """
        value = float(self.when)
        if "." in self.when:
            value = (value - (0.0 if base_steps is None else 1.0)) * steps
        elif base_steps is not None:
            value -= base_steps
        return min(steps, int(max(-_FAR, min(_FAR, value))))


@dataclass(slots=True)
class Alternation:
    """`[a|b]`: the next option at each step, in turn."""

    options: list[Part]


@dataclass(slots=True)
class _Frame:
    """Open brackets side by side: what the innermost one holds so far."""

    opener: str
    count: int = 1
    parts: list[Part] = field(default_factory=lambda: [Part()])
    dividers: list[str] = field(default_factory=list)

    def divide(self, divider: str) -> None:
        self.dividers.append(divider)
        self.parts.append(Part())


class _NotPrompt(Exception):
    """The text is outside the grammar; A1111 then takes all of it literally."""


def schedule(text: str, steps: int, hires_steps: int | None = None) -> list[tuple[int, str]]:
    """The text in force over a pass: `(last step, text)`, steps counted from 1, ascending, ending at the pass's last.

    Args:
        text: One prompt after `AND` was split; brackets of attention pass through.
        steps: Steps of the first pass.
        hires_steps: Steps of the hires pass, to get that pass's schedule; 0 means as many as `steps`.

    Text outside A1111's grammar (a bare `|`, a lone backslash) is returned as it is, whole. Takes linear time
    per entry returned; a `when` too large for A1111's own arithmetic counts as never.
    """
    base_steps = None if hires_steps is None else steps
    length = steps if hires_steps is None else (hires_steps or steps)
    root = parse_schedule(text)
    if root is None:
        return [(length, text)]
    ends = {length}
    for node in _walk(root):
        if isinstance(node, Alternation):
            ends.update(range(1, length + 1))
        else:
            ends.add(node.step(length, base_steps))
    return [(end, _text_at(root, end, length, base_steps)) for end in sorted(ends) if end >= 1 or end == length]


def parse_schedule(text: str) -> Part | None:
    """The constructs of `text`; `None` when A1111 would take the whole of it literally."""
    stack = [_Frame("")]
    position = 0
    try:
        for match in _TOKEN.finditer(text):
            if match.start() != position:
                return None
            position = match.end()
            _read(stack, match.group())
        _spill(stack)
    except _NotPrompt:
        return None
    return stack[0].parts[0] if position == len(text) else None


def _read(stack: list[_Frame], token: str) -> None:
    top = stack[-1]
    sign = token[0]
    if sign in ("(", "["):
        stack.append(_Frame(sign, len(token)))
    elif sign in _CLOSES:
        _close(stack, token)
    elif token in (":", "|") and top.opener:
        top.divide(token)
    elif token == "|":
        raise _NotPrompt
    else:
        top.parts[-1].items.append(token)


def _close(stack: list[_Frame], token: str) -> None:
    """A run of closing brackets."""
    left = len(token)
    while left:
        top = stack[-1]
        node = _closed(top, token[0]) if top.opener == _CLOSES[token[0]] else None
        if node is None:
            _spill(stack)
            stack[0].parts[0].items.append(token[:left])
            return
        count = min(top.count, left)
        if count > 1:  # around the innermost pair the others only weigh
            node = Part([top.opener * (count - 1), node, token[0] * (count - 1)])
        left -= count
        top.count -= count
        if top.count:
            top.parts, top.dividers = [Part([node])], []
        else:
            stack.pop()
            stack[-1].parts[-1].items.append(node)


def _closed(frame: _Frame, closer: str) -> Part | Edit | Alternation | None:
    """What a bracket pair means; `None` when it means nothing."""
    dividers = "".join(frame.dividers)
    if not dividers or (dividers == ":" and frame.opener == "("):
        return Part([*_literal(frame), closer])
    if frame.opener == "(":
        return None
    if not dividers.strip("|"):
        return Alternation(frame.parts)
    if dividers not in (":", "::"):
        return None
    last = frame.parts[-1].items
    number = _NUMBER.fullmatch(last[0]) if len(last) == 1 and isinstance(last[0], str) else None
    if number is None:
        return None
    before = frame.parts[0] if dividers == "::" else Part()
    return Edit(before, frame.parts[-2], number[1])


def _literal(frame: _Frame) -> list[str | Part | Edit | Alternation]:
    """One of the frame's openers, its parts and dividers in a row."""
    items: list[str | Part | Edit | Alternation] = [frame.opener, frame.parts[0]]
    for divider, part in zip(frame.dividers, frame.parts[1:], strict=True):
        if divider == "|":
            raise _NotPrompt
        items += [divider, part]
    return items


def _spill(stack: list[_Frame]) -> None:
    """Every open bracket turns out to be plain text."""
    root = stack[0].parts[0].items
    for frame in stack[1:]:
        root.append(frame.opener * (frame.count - 1))
        root += _literal(frame)
    del stack[1:]


def _walk(root: Part) -> Iterator[Edit | Alternation]:
    todo: list[str | Part | Edit | Alternation] = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, Part):
            todo += node.items
        elif isinstance(node, Edit):
            yield node
            todo += [node.before, node.after]
        elif isinstance(node, Alternation):
            yield node
            todo += node.options


def _text_at(root: Part, step: int, steps: int, base_steps: int | None) -> str:
    pieces: list[str] = []
    todo: list[str | Part | Edit | Alternation] = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, str):
            pieces.append(node)
        elif isinstance(node, Part):
            todo += reversed(node.items)
        elif isinstance(node, Edit):
            todo.append(node.before if step <= node.step(steps, base_steps) else node.after)
        else:
            todo.append(node.options[(step - 1) % len(node.options)])
    return "".join(pieces)
