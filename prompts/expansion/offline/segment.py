"""Chinese, Japanese and Korean text cut into glossary words, longest word first."""

from __future__ import annotations

import re
from dataclasses import dataclass

from prompts.expansion.language import Language
from prompts.expansion.offline.glossary import Term, fold_foreign, longest_word, words_of
from prompts.expansion.offline.noun_phrase import MODIFIER_KINDS, NOUN_KINDS

_LATIN = re.compile(r"[a-z0-9][a-z0-9'’.+-]*")
LATIN = Term("", "latin")
"""Stands for a run of Latin letters inside the text: kept as it is."""


_HIRAGANA = re.compile(r"[\u3041-\u3096]+")
_WEAK = MODIFIER_KINDS | {"body", "weather", "time", "pose", "light", "style", "quality", "framing", "number"}


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
    """The words of `text` in order; white space only separates. Unknown characters in a row are one token.

    In Chinese and Japanese a single character beside an unknown one is rarely the word it looks like
    (`长` in `长安`): unless it is a function word, it is counted as unknown too. A single-character
    noun must be unknown on both sides for that.
    """
    if language == "ko":  # Korean words are spaced, and many glossary entries hold a space
        return _cut(text, language)
    return [token for chunk in text.split() for token in _trusted(_cut(chunk, language))]


def _cut(text: str, language: Language) -> list[Token]:
    folded = fold_foreign(text)
    table, longest = words_of(language), longest_word(language)
    tokens: list[Token] = []
    unknown = ""
    position = 0
    while position < len(folded):
        token = _token_at(folded, position, table, longest)
        if language == "ko" and unknown and token is not None and _is_syllable(token):
            token = None
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


def _is_syllable(token: Token) -> bool:
    """Whether it is a Korean word of one syllable, which after unknown syllables is only a piece of a word."""
    return len(token.source) == 1 and token.kind not in ("word", "latin")


def _token_at(text: str, position: int, table: dict[str, Term], longest: int) -> Token | None:
    latin = _LATIN.match(text, position)
    shortest = len(latin.group()) if latin else 0  # `T恤` is one word
    for length in range(min(longest, len(text) - position), shortest, -1):
        word = text[position : position + length]
        if word in table:
            return Token(word, table[word])
    return Token(latin.group(), LATIN) if latin else None


def _trusted(tokens: list[Token]) -> list[Token]:
    changed = True
    while changed:
        doubtful = [index for index in range(len(tokens)) if _is_doubtful(tokens, index)]
        changed = bool(doubtful)
        for index in doubtful:
            tokens[index] = Token(tokens[index].source, None)
    return _joined(tokens)


def _is_doubtful(tokens: list[Token], index: int) -> bool:
    token = tokens[index]
    if token.term is None or token.source.isascii():
        return False
    left = tokens[index - 1] if index else None
    right = tokens[index + 1] if index + 1 < len(tokens) else None
    unknown = [beside is not None and beside.term is None for beside in (left, right)]
    is_noun = token.kind in NOUN_KINDS
    if is_noun and unknown[0] and _HIRAGANA.fullmatch(token.source):
        return True  # `居眠りする` holds no squirrel (`りす`)
    if len(token.source) != 1:
        return False
    if is_noun and any(b is not None and len(b.source) == 1 and b.kind in NOUN_KINDS for b in (left, right)):
        return True  # `剣道`: two single characters in a row are one unknown word
    if token.kind in _WEAK and any(unknown):
        return True
    return is_noun and all(unknown)


def _joined(tokens: list[Token]) -> list[Token]:
    """Unknown tokens in a row as one."""
    out: list[Token] = []
    for token in tokens:
        if token.term is None and out and out[-1].term is None:
            out[-1] = Token(out[-1].source + token.source, None)
        else:
            out.append(token)
    return out
