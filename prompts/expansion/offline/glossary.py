"""The picture-word glossary: what a word of another language is called in an English prompt.

The data is `prompts/data/glossary/*.txt`, written for this product: sections `[kind]` and rows
`english | zh | ja | ko | es | fr | de` with variants separated by `/`.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from prompts.expansion.data_files import load_text
from prompts.expansion.offline.words import fold

Language = Literal["en", "zh", "ja", "ko", "es", "fr", "de"]
COLUMNS: tuple[Language, ...] = ("en", "zh", "ja", "ko", "es", "fr", "de")


@dataclass(frozen=True, slots=True)
class Term:
    """One concept as an English prompt says it."""

    english: str
    kind: str
    """Section of the data file: `person`, `thing`, `color`, `place`, `verb`, …"""
    detail: str = ""
    """Second word of the section, such as the preposition of `[place on]`."""
    is_mass: bool = False
    """Takes no article and no plural (`water`); written with a leading `*`."""


@cache
def rows() -> tuple[tuple[Term, tuple[tuple[str, ...], ...]], ...]:
    """Every concept with its words in each column of `COLUMNS`, file by file in name order."""
    folder = files("prompts").joinpath("data", "glossary")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".txt"))
    found = []
    for name in names:
        kind = detail = ""
        for line in load_text("data", "glossary", name).splitlines():
            line = line.strip()
            if line.startswith("[") and line.endswith("]"):
                kind, _, detail = line[1:-1].partition(" ")
            elif line and not line.startswith("#"):
                found.append(_row(line, kind, detail))
    return tuple(found)


@cache
def words_of(language: Language) -> dict[str, Term]:
    """Folded word -> term for one language; callers must not change it. The first row wins."""
    column = COLUMNS.index(language)
    table: dict[str, Term] = {}
    for term, cells in rows():
        for word in cells[column]:
            table.setdefault(fold_foreign(word), term)
    return table


@cache
def longest_word(language: Language) -> int:
    """Length of the longest folded word, in characters; 0 without any."""
    return max(map(len, words_of(language)), default=0)


@cache
def english_kinds() -> dict[str, str]:
    """Folded last word of each English noun -> its kind; the first row wins."""
    table: dict[str, str] = {}
    for term, cells in rows():
        for word in filter(None, (term.english, *cells[0])):
            table.setdefault(fold(word.split()[-1]), term.kind)
    return table


def fold_foreign(word: str) -> str:
    """`word` for look-up: width, case and accents do not count (kana marks and Hangul do)."""
    wide = unicodedata.normalize("NFKC", word).casefold()
    if wide.isascii():
        return wide
    kept = []
    for char in wide:
        parts = unicodedata.normalize("NFD", char)
        kept.append(parts[0] if parts[0].isascii() else char)
    return "".join(kept)


def _row(line: str, kind: str, detail: str) -> tuple[Term, tuple[tuple[str, ...], ...]]:
    cells = [tuple(w.strip() for w in cell.split("/") if w.strip()) for cell in line.split("|")]
    cells += [()] * (len(COLUMNS) - len(cells))
    english = cells[0][0] if cells[0] else ""
    is_mass = english.startswith("*")
    english = english.removeprefix("*")
    return Term(english, kind, detail, is_mass), ((english, *cells[0][1:]), *cells[1:])
