"""The things the family can draw, and the words that mean nothing to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing with its drawing."""

    code: str
    """Unicode code points in lower-case hex, joined by dashes: the drawing's file name."""
    name: str
    """The name prompts use."""
    other_names: tuple[str, ...]
    """Names that mean the same drawing."""
    kind: str | None = None
    """What it is one of (`animal`, `fruit`, `vehicle`), where that is a word of the family."""


def read_concepts(limit: int | None = None) -> tuple[Concept, ...]:
    """The first `limit` concepts of `concepts.txt`; all of them for `None`."""
    concepts = [_parse(line) for line in _content_lines("concepts.txt")]
    return tuple(concepts if limit is None else concepts[:limit])


def read_foreign_words() -> tuple[str, ...]:
    """Words of everyday prompts that the family is taught to pass over."""
    return tuple(_content_lines("foreign_words.txt"))


def _parse(line: str) -> Concept:
    code, name, others, kind = (part.strip() for part in line.split("|"))
    return Concept(code, name, tuple(o.strip() for o in others.split(",") if o.strip()), kind or None)


def _content_lines(file_name: str) -> list[str]:
    lines = (_HERE / file_name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]
