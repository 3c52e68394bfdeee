"""Which words fall into which chunk, with what weight and how many tokens."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from prompts.language.chunks import CHUNK_TOKENS, Tokenize, fill_chunks
from prompts.language.weights import Fragment, fragments, merged

_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Word:
    """One word as the text encoder gets it."""

    text: str
    weight: float
    """Effective attention weight."""
    tokens: int
    chunk: int
    """The chunk its first token falls into, from 0."""
    is_cut: bool = False
    """Whether its last token falls into the next chunk."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How a text fills the chunks."""

    words: tuple[Word, ...]
    used: tuple[int, ...]
    """Tokens of each chunk; at least one chunk."""

    @property
    def tokens(self) -> int:
        """All tokens together."""
        return sum(self.used)

    @property
    def room(self) -> int:
        """Tokens left in the last chunk."""
        return CHUNK_TOKENS - self.used[-1]


def budget(text: str, tokenize: Tokenize, comma: int, backtrack: int = 20) -> Budget:
    """How `text` (one prompt, scheduling resolved, tags removed) fills the chunks, word by word.

    Arguments as for `chunk`. Empty text has no words and one empty chunk. A tokenizer that merges across blanks (CLIP's
    does not) makes the stretch of one weight count as one word.
    """
    pieces = merged(fragments(text))
    chunks = fill_chunks(pieces, tokenize, comma, backtrack)
    places = [(number, source) for number, chunk in enumerate(chunks) for source in chunk.fragments]
    counts = Counter(source for _, source in places)
    words: list[Word] = []
    at = 0
    for source, piece in enumerate(pieces):
        if piece.is_break:
            continue
        for text_part, count in _parts(piece, tokenize, counts[source]):
            if not count:
                continue
            first, last = places[at][0], places[at + count - 1][0]
            words.append(Word(text_part, piece.weight, count, first, last != first))
            at += count
    return Budget(tuple(words), tuple(len(chunk.tokens) for chunk in chunks))


def _parts(piece: Fragment, tokenize: Tokenize, total: int) -> list[tuple[str, int]]:
    """The words of a fragment with their token counts."""
    words = _WORD.findall(piece.text)
    counts = [len(tokenize(word)) for word in words]
    if sum(counts) != total:
        return [(piece.text.strip(), total)]
    return list(zip(words, counts, strict=True))
