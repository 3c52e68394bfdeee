"""Chinese, Japanese and Korean text cut into glossary words, longest word first."""

from __future__ import annotations

import re
from dataclasses import dataclass

from prompts.expansion.language import Language
from prompts.expansion.offline.glossary import Term, fold_foreign, longest_word, words_of

_LATIN = re.compile(r"[a-z0-9][a-z0-9'’.+-]*(?: [a-z][a-z0-9'’.+-]*)*")
LATIN = Term("", "latin")
"""Stands for a run of Latin letters inside the text: kept as it is."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the source text; `term` is `None` when the glossary does not know it."""

    source: str
    term: Term | None

    @property
    def kind(self) -> str:
        """The term's kind, or `unknown`."""
        return self.term.kind if self.term else "unknown"


def segment(text: str, language: Language) -> list[Token]:
    """The words of `text` in order; white space only separates. Unknown characters in a row are one token."""
    folded = fold_foreign(text)
    table, longest = words_of(language), longest_word(language)
    tokens: list[Token] = []
    unknown = ""
    position = 0
    while position < len(folded):
        token = _token_at(folded, position, table, longest)
        if token is None and not folded[position].isspace():
            unknown += folded[position]
            position += 1
            continue
        if unknown:
            tokens.append(Token(unknown, None))
            unknown = ""
        if token is None:
            position += 1
            continue
        tokens.append(token)
        position += len(token.source)
    if unknown:
        tokens.append(Token(unknown, None))
    return tokens


def _token_at(text: str, position: int, table: dict[str, Term], longest: int) -> Token | None:
    latin = _LATIN.match(text, position)
    if latin:
        return Token(latin.group(), LATIN)
    for length in range(min(longest, len(text) - position), 0, -1):
        word = text[position : position + length]
        if word in table:
            return Token(word, table[word])
    return None
