"""Dynamic prompts: `{a|b}`, `{2$$a|b|c}`, `__wildcard__`, `${name=value}`; the template as a tree."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from prompts.errors import PromptError

DEPTH = 32
"""Choices nested deeper are refused."""
PICKS = 50
"""The most options one choice may take at once."""
SEPARATOR = ", "

_TOKEN = re.compile(r"\\[{}|$_\\]|\$\$|\$\{|__[\w.\-/*]+?__|[{}|\[\]]|[^\\{}|\[\]$_]+|.", re.DOTALL)
_RANGE = re.compile(r"\s*(?:(\d{1,4})?(-)?(\d{1,4})?)\$\$")
_SEPARATOR = re.compile(r"([^{}|$]*)\$\$")
_SHARE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)::")
_VARIABLE = re.compile(r"\s*([A-Za-z_]\w*)\s*(=!|=|:)?")


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stays."""

    text: str


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`__name__`: a line of a wildcard file; `*` stands for any name part."""

    name: str


@dataclass(frozen=True, slots=True)
class Option:
    """One of the options of a choice."""

    template: Template
    share: float = 1.0
    """Likelihood relative to the other options, `0.5::a`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """`{a|b}`; `{1-2$$ and $$a|b}` takes one or two, in any order, never the same one twice."""

    options: tuple[Option, ...]
    least: int = 1
    most: int = 1
    separator: str = SEPARATOR


@dataclass(frozen=True, slots=True)
class Assignment:
    """`${name=value}`; `=!` draws the value once, `=` anew at each use."""

    name: str
    value: Template
    is_drawn_once: bool


@dataclass(frozen=True, slots=True)
class Use:
    """`${name}` or `${name:default}`."""

    name: str
    default: Template | None = None


Part = Literal | Wildcard | Choice | Assignment | Use


@dataclass(frozen=True, slots=True)
class Template:
    """Parts in a row."""

    parts: tuple[Part, ...] = ()

    @property
    def is_dynamic(self) -> bool:
        """Whether there is anything to expand."""
        return any(not isinstance(part, Literal) for part in self.parts)


@dataclass(slots=True)
class _Frame:
    """An open brace (or the whole template) while it is read."""

    opener: str
    start: int
    """Where its first option begins."""
    options: list[list[Part]] = field(default_factory=lambda: [[]])
    starts: list[int] = field(default_factory=list)
    """Where the other options begin."""
    squares: int = 0
    """Square brackets open in the option: a `|` in them is A1111's alternation."""


def parse_template(text: str) -> Template:
    """The tree of `text`. A brace that is never closed is text; a backslash before `{ } | $ _` takes their meaning.

    Raises:
        PromptError: code `template_too_deep`.
    """
    stack = [_Frame("", 0)]
    for match in _TOKEN.finditer(text):
        token, top = match.group(), stack[-1]
        if token in ("{", "${"):
            if len(stack) > DEPTH:
                raise _too_deep()
            stack.append(_Frame(token, match.end()))
        elif token == "}" and top.opener:
            stack.pop()
            stack[-1].options[-1] += _closed(top, text, match.end())
        elif token == "|" and top.opener == "{" and not top.squares:
            top.options.append([])
            top.starts.append(match.end())
        else:
            top.squares = max(0, top.squares + (token == "[") - (token == "]"))
            top.options[-1].append(_leaf(token))
    return _template(_spilled(stack))


def _leaf(token: str) -> Part:
    if len(token) > 4 and token.startswith("__"):
        return Wildcard(token[2:-2])
    is_escape = len(token) == 2 and token[0] == "\\" and token[1] in "{}|$_"
    return Literal(token[1:] if is_escape else token)


def _spilled(stack: list[_Frame]) -> list[Part]:
    """Everything read; openers that were never closed are text."""
    parts: list[Part] = []
    for frame in stack:
        parts.append(Literal(frame.opener))
        for i, option in enumerate(frame.options):
            parts += [Literal("|"), *option] if i else option
    return parts


def _too_deep() -> PromptError:
    error = PromptError(f"Choices are nested deeper than {DEPTH}; flatten them.", limit=DEPTH)
    error.with_code("template_too_deep")
    return error


def _closed(frame: _Frame, text: str, end: int) -> list[Part]:
    """What a closed brace stands for."""
    return _variable(frame, text, end) if frame.opener == "${" else [_choice(frame, text)]


def _choice(frame: _Frame, text: str) -> Choice:
    """The choice of a closed brace: its range and separator stand before the first option."""
    at = frame.start
    least, most, separator = 1, 1, SEPARATOR
    head = _RANGE.match(text, at)
    if head is not None and (head[1] or head[3]):
        least, most = _bounds(head, len(frame.options))
        at = head.end()
        own = _SEPARATOR.match(text, at)
        if own is not None:
            separator, at = own[1], own.end()
    options = []
    starts = [frame.start, *frame.starts]
    for i, parts in enumerate(frame.options):
        skip = at - frame.start if i == 0 else 0
        share = _SHARE.match(text, starts[i] + skip)
        if share is not None:
            skip += share.end() - share.start()
        options.append(Option(_template(_without(parts, skip)), float(share[1]) if share else 1.0))
    return Choice(tuple(options), least, most, separator)


def _bounds(head: re.Match[str], options: int) -> tuple[int, int]:
    """`2`, `1-2`, `-2` (from 1), `2-` (up to all)."""
    least = int(head[1]) if head[1] else 1
    most = int(head[3]) if head[3] else (max(options, least) if head[2] else least)
    return min(least, PICKS), min(max(least, most), PICKS)


def _without(parts: list[Part], count: int) -> list[Part]:
    """`parts` less the first `count` characters, which are literal."""
    rest = list(parts)
    while count and rest and isinstance(rest[0], Literal):
        text = rest[0].text
        rest[0] = Literal(text[count:])
        count -= min(count, len(text))
        if not rest[0].text:
            rest.pop(0)
    return rest


def _variable(frame: _Frame, text: str, end: int) -> list[Part]:
    """`${…}`; what is no variable stays text."""
    head = _VARIABLE.match(text, frame.start)
    parts = frame.options[0]
    if head is None:
        return [Literal("${"), *parts, Literal("}")]
    name, sign = head[1], head[2]
    value = _template(_without(parts, head.end() - frame.start))
    if sign is None:
        return [Use(name)] if text[head.end() : end].strip() == "}" else [Literal("${"), *parts, Literal("}")]
    if sign == ":":
        return [Use(name, value)]
    return [Assignment(name, value, sign == "=!")]


def _template(parts: list[Part]) -> Template:
    """Neighbouring literals as one."""
    merged: list[Part] = []
    run: list[str] = []
    for part in parts:
        if isinstance(part, Literal):
            run.append(part.text)
            continue
        if run:
            merged.append(Literal("".join(run)))
            run = []
        merged.append(part)
    if run:
        merged.append(Literal("".join(run)))
    return Template(tuple(part for part in merged if part != Literal("")))
