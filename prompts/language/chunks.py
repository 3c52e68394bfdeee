"""75-token chunks: how A1111 cuts a long prompt before the text encoder sees it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from prompts.language.weights import Fragment, fragments, merged

CHUNK_TOKENS = 75
"""Tokens of one chunk without the start and end marks."""

Tokenize = Callable[[str], list[int]]
"""Text to token ids, without start, end or padding."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """At most 75 tokens that the text encoder reads together; the engine adds start, end and padding."""

    tokens: tuple[int, ...]
    weights: tuple[float, ...]
    """One attention weight per token."""
    fragments: tuple[int, ...] = field(default=(), compare=False)
    """For each token the number of the fragment (of `attention(text)`) it came from."""


@dataclass(slots=True)
class _Filling:
    """The chunk being filled."""

    tokens: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    sources: list[int] = field(default_factory=list)

    def add(self, token: int, weight: float, source: int) -> None:
        self.tokens.append(token)
        self.weights.append(weight)
        self.sources.append(source)

    def split_off(self, at: int) -> _Filling:
        """Cut the tokens from `at` on off into a new chunk."""
        rest = _Filling(self.tokens[at:], self.weights[at:], self.sources[at:])
        del self.tokens[at:], self.weights[at:], self.sources[at:]
        return rest

    def closed(self) -> Chunk:
        return Chunk(tuple(self.tokens), tuple(self.weights), tuple(self.sources))


Length = Callable[[int], int]
"""How many tokens from this one on must stay together: the vectors of one embedding; 1 for most."""


def _alone(_: int) -> int:
    return 1


def chunk(text: str, tokenize: Tokenize, comma: int, backtrack: int = 20, length: Length = _alone) -> tuple[Chunk, ...]:
    """`text` with attention syntax as chunks of weighted tokens, as A1111 cuts it.

    Each fragment of `attention(text)` is tokenised alone. `BREAK` closes a chunk. When a chunk overflows and a comma
    stands at most `backtrack` tokens back, what follows the comma moves to the next chunk.

    Args:
        text: One prompt, after scheduling was resolved and extra network tags were removed.
        tokenize: See `Tokenize`.
        comma: The id of the token that a comma becomes (267 for CLIP's `,</w>`).
        backtrack: A1111's `comma_padding_backtrack`; 0 turns the comma rule off.
        length: See `Length`; at most 75.

    Returns:
        At least one chunk, an empty one for empty text. Weights are finite: an infinite one counts as 1.
    """
    return fill_chunks(merged(fragments(text)), tokenize, comma, backtrack, length)


def fill_chunks(
    pieces: list[Fragment], tokenize: Tokenize, comma: int, backtrack: int = 20, length: Length = _alone
) -> tuple[Chunk, ...]:
    """`chunk` for fragments that are already there."""
    closed: list[Chunk] = []
    filling = _Filling()
    last_comma = -1
    for source, piece in enumerate(pieces):
        if piece.is_break:
            closed.append(filling.closed())
            filling, last_comma = _Filling(), -1
            continue
        weight = piece.weight if math.isfinite(piece.weight) else 1.0
        for token in tokenize(piece.text):
            used = len(filling.tokens)
            if token == comma:
                last_comma = used
            elif used == CHUNK_TOKENS and last_comma != -1 and used - last_comma <= backtrack:
                rest = filling.split_off(last_comma + 1)
                closed.append(filling.closed())
                filling, last_comma = rest, -1
            if len(filling.tokens) + length(token) > CHUNK_TOKENS:
                closed.append(filling.closed())
                filling, last_comma = _Filling(), -1
            filling.add(token, weight, source)
    if filling.tokens or not closed:
        closed.append(filling.closed())
    return tuple(closed)
