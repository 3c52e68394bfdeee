"""The syntax tree of a prompt: frozen nodes that know where they stand, and the text they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prompts.language.weights import ROUND, SQUARE


@dataclass(frozen=True, slots=True)
class Words:
    """Plain text, escapes and stray signs as written."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Weighted:
    """`(a)`, `(a:1.3)` or `[a]`."""

    opener: str
    """`(` or `[`."""
    children: tuple[Node, ...]
    number: str
    """As written with its colon and white space, `:1.3`; empty without a number."""
    start: int
    end: int

    @property
    def factor(self) -> float:
        """What the weight of everything inside is multiplied by."""
        if self.number:
            return float(self.number[1:])
        return ROUND if self.opener == "(" else SQUARE


@dataclass(frozen=True, slots=True)
class Scheduled:
    """`[before:after:when]`, or `[after:when]` with no `before`."""

    before: tuple[Node, ...] | None
    after: tuple[Node, ...]
    when: str
    """As written, white space included."""
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Alternating:
    """`[a|b]`: the next option at each step."""

    options: tuple[tuple[Node, ...], ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Break:
    """`BREAK`: a new chunk."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class And:
    """`AND`: another prompt for the same picture; the weight `:1.2` before it stays in the words."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Network:
    """`<lora:name:0.8>` and other extra networks."""

    kind: str
    arguments: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Comment:
    """`#` to the end of the line, the line break not included."""

    text: str
    start: int
    end: int


Node = Words | Weighted | Scheduled | Alternating | Break | And | Network | Comment


@dataclass(frozen=True, slots=True)
class Prompt:
    """A whole prompt."""

    children: tuple[Node, ...]

    def walk(self) -> Iterator[Node]:
        """Every node, each before its children, in the order of the text."""
        todo: list[Node] = list(reversed(self.children))
        while todo:
            node = todo.pop()
            yield node
            todo += reversed([child for part in inner(node) for child in part])


def inner(node: Node) -> tuple[tuple[Node, ...], ...]:
    """The parts inside a node, in order; empty for a leaf."""
    match node:
        case Weighted(children=children):
            return (children,)
        case Scheduled(before=before, after=after):
            return (after,) if before is None else (before, after)
        case Alternating(options=options):
            return options
        case _:
            return ()


def unparse(prompt: Prompt) -> str:
    """The text of `prompt`: for a tree that `parse` made, exactly the text it was made from."""
    return _joined(prompt.children)


def _joined(nodes: Iterable[Node]) -> str:
    return "".join(map(_text, nodes))


def _text(node: Node) -> str:
    """Recursive, but never deeper than `prompts.language.parsing.DEPTH`."""
    match node:
        case Words(text=text) | Comment(text=text):
            return text
        case Weighted(opener=opener, children=children, number=number):
            return f"{opener}{_joined(children)}{number}{')' if opener == '(' else ']'}"
        case Scheduled(before=before, after=after, when=when):
            first = "" if before is None else f"{_joined(before)}:"
            return f"[{first}{_joined(after)}:{when}]"
        case Alternating(options=options):
            return f"[{'|'.join(map(_joined, options))}]"
        case Break():
            return "BREAK"
        case And():
            return "AND"
        case Network(kind=kind, arguments=arguments):
            return f"<{kind}:{':'.join(arguments)}>"
