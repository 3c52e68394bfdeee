"""Prompt text to UNet context, as the A1111 web UI does it.

`# comments` and extra network tags go first; then `AND` splits a prompt, `[a:b:0.5]` and `[a|b]` resolve per
UNet call, attention weighs tokens, 75-token chunks are encoded one by one and joined. Texts are encoded once
and remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from generator.errors import UnsupportedSpell
from generator.models.checkpoint import Checkpoint
from generator.models.inversions import Inversions
from generator.models.text_tower import TEXT_TOKENS, TextEncoding, TextTower, Vectors
from generator.sampling.extra_settings import IGNORE, NO_NORM, NONE, ORIGINAL
from prompts.language.chunks import CHUNK_TOKENS, Chunk, fill_chunks
from prompts.language.comments import strip_comments
from prompts.language.composition import split_and
from prompts.language.explaining import encoder_text
from prompts.language.scheduling import schedule
from prompts.language.weights import Fragment, fragments, merged
from prompts.limits import AND_PARTS

_REMEMBERED = 64
"""Encoded texts kept; one of SD1.5 is 231 KB per chunk."""

TextKey = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class ScheduledContext:
    """One prompt's context over a pass."""

    entries: tuple[tuple[int, Tensor], ...]
    """(last call it is for, context `(1, 77 * chunks, width)`), ascending."""
    weight: float = 1.0
    """Its share in an `AND` prompt."""
    pooled: tuple[Tensor, ...] = ()
    """SDXL: for each entry the text in one vector, `(1, width)`; empty for SD1.x."""

    def pooled_at(self, call: int) -> Tensor | None:
        """The one vector for a UNet call counted from 0; `None` for SD1.x."""
        for (until, _), pooled in zip(self.entries, self.pooled, strict=False):
            if call <= until:
                return pooled
        return self.pooled[-1] if self.pooled else None

    def at(self, call: int) -> Tensor:
        """The context for a UNet call counted from 0.

        The web UI compares its counter from 0 with step numbers from 1, so an edit takes hold one call
        late there; pictures reproduce only if it does here too.
        """
        for until, context in self.entries:
            if call <= until:
                return context
        return self.entries[-1][1]


@dataclass(frozen=True, slots=True)
class PassConditioning:
    """Everything the UNet reads in one pass of one picture; all contexts have the same length."""

    positive: tuple[ScheduledContext, ...]
    """The parts of an `AND` prompt; one for most."""
    negative: ScheduledContext
    chunks: int
    """75-token chunks of each context."""
    size: tuple[int, int] = (0, 0)
    """(width, height) in pixels that SDXL is told."""


@dataclass(frozen=True, slots=True)
class PassPrompts:
    """The texts of one pass and how long it is."""

    prompt: str
    negative_prompt: str
    calls: int
    """UNet calls of the first pass: the unit in which schedules count."""
    hires_calls: int | None = None
    """UNet calls of the hires pass, when this is the hires pass."""
    size: tuple[int, int] = (0, 0)
    """(width, height) of the pass in pixels; SDXL reads it."""
    emphasis: str = ORIGINAL
    """How `(text:1.2)` is meant: one of `extra_settings.EMPHASES`."""


class Conditioner:
    """Encodes texts with one checkpoint's text encoder; remembers the last ones."""

    def __init__(self, checkpoint: Checkpoint, inversions: Inversions | None = None) -> None:
        """The text encoder's LoRAs must be set before each call; `lora_key` says which they are.

        Args:
            checkpoint: Its text encoders are used.
            inversions: The embeddings that prompts may name; `None` for none.
        """
        self._checkpoint = checkpoint
        self._inversions = inversions
        self._encoded: OrderedDict[TextKey, TextEncoding] = OrderedDict()

    def encode_pass(self, prompts: PassPrompts, clip_skip: int, lora_key: TextKey) -> PassConditioning:
        """The conditioning of one pass.

        Args:
            prompts: Texts as they were written; comments are dropped from both, extra network tags from the
                positive one alone (in a negative prompt the web UI encodes them as words).
            clip_skip: A1111's count, 1 is the last layer.
            lora_key: What stands on the text encoder now; equal keys mean equal weights.

        Raises:
            UnsupportedSpell: Clip skip beyond the text encoder's layers, or too many `AND` parts.
        """
        if self._inversions is not None:
            self._inversions.refresh()
        parts = split_and(encoder_text(prompts.prompt))
        if len(parts) > AND_PARTS:
            raise UnsupportedSpell(
                f"The prompt joins {len(parts)} parts with AND; the limit is {AND_PARTS}.",
                field="prompt",
                got=len(parts),
                limit=AND_PARTS,
            )
        texts = [(self._schedule(text, prompts), weight) for text, weight in parts]
        negative = self._schedule(strip_comments(prompts.negative_prompt), prompts)
        needed = [text for entries, _ in [*texts, (negative, 1.0)] for _, text in entries]
        cut = {text: self._chunks(text, prompts.emphasis) for text in needed}
        has_norm = prompts.emphasis != NO_NORM
        chunks = max(len(c) for c in cut.values())

        def context(entries: list[tuple[int, str]], weight: float) -> ScheduledContext:
            encoded = [(n, self._encode(cut[text], chunks, (clip_skip, has_norm, lora_key))) for n, text in entries]
            return _scheduled(encoded, weight)

        unwanted = context(negative, 1.0)
        if self._checkpoint.wants_added and not prompts.negative_prompt:
            unwanted = _zeroed(unwanted)
        return PassConditioning(tuple(context(e, w) for e, w in texts), unwanted, chunks, prompts.size)

    def _schedule(self, text: str, prompts: PassPrompts) -> list[tuple[int, str]]:
        return schedule(text, prompts.calls, prompts.hires_calls)

    def _chunks(self, text: str, emphasis: str) -> tuple[Chunk, ...]:
        known, comma = self._inversions, self._checkpoint.comma
        tokenize = self._checkpoint.tokenize if known is None else known.tokenize
        pieces = merged(fragments(text)) if emphasis != NONE else [Fragment(text, 1.0, 0, len(text))]
        if emphasis == IGNORE:
            pieces = [replace(piece, weight=1.0) for piece in pieces]
        return fill_chunks(pieces, tokenize, comma, length=known.length if known else lambda _: 1)

    def _encode(self, cut: tuple[Chunk, ...], chunks: int, how: tuple[int, bool, TextKey]) -> TextEncoding:
        """Chunks, with empty ones added up to `chunks`, as one context; remembered.

        `how` is (clip skip, whether the mean is restored, what stands on the text encoders).
        """
        clip_skip, has_norm, _ = how
        key = (cut, chunks, how)
        if key in self._encoded:
            self._encoded.move_to_end(key)
            return self._encoded[key]
        padded = (*cut, *(Chunk((), ()) for _ in range(chunks - len(cut))))
        towers = []
        for number, tower in enumerate(self._checkpoint.towers):
            vectors = None if self._inversions is None else self._inversions.vectors(number)
            encode = partial(_encode_chunk, tower, clip_skip=clip_skip, vectors=vectors, has_norm=has_norm)
            towers.append([encode(piece) for piece in padded])
        # Chunks side by side along the tokens, towers along the width; the first chunk speaks for the whole.
        context = torch.cat([torch.cat([e.context for e in said], dim=1) for said in towers], dim=2)
        encoded = TextEncoding(context, towers[-1][0].pooled)
        self._encoded[key] = encoded
        if len(self._encoded) > _REMEMBERED:
            self._encoded.popitem(last=False)
        return encoded


def _scheduled(encoded: list[tuple[int, TextEncoding]], weight: float) -> ScheduledContext:
    pooled = tuple(e.pooled for _, e in encoded if e.pooled is not None)
    return ScheduledContext(tuple((n, e.context) for n, e in encoded), weight, pooled)


def _zeroed(scheduled: ScheduledContext) -> ScheduledContext:
    """SDXL was trained to read nothing, not the encoding of an empty text, where there is no negative prompt."""
    entries = tuple((n, torch.zeros_like(context)) for n, context in scheduled.entries)
    return ScheduledContext(entries, scheduled.weight, tuple(torch.zeros_like(p) for p in scheduled.pooled))


def _encode_chunk(
    tower: TextTower, piece: Chunk, *, clip_skip: int, vectors: Vectors | None, has_norm: bool
) -> TextEncoding:
    """One chunk: start, tokens, padding, end -> `(1, 77, width)` with the weights applied.

    Alone in its batch, so that no neighbour can change its rounding.
    """
    tokenizer = tower.tokenizer
    padding = CHUNK_TOKENS - len(piece.tokens)
    ids = [
        tokenizer.bos_token_id,
        *piece.tokens,
        *[tokenizer.eos_token_id] * (padding > 0),
        *[tokenizer.pad_token_id] * (padding - 1),
        tokenizer.eos_token_id if padding == 0 else tokenizer.pad_token_id,
    ]
    encoded = tower.encode(ids, clip_skip, vectors)
    weighed = emphasise(encoded.context, [1.0, *piece.weights, *[1.0] * padding, 1.0], has_norm=has_norm)
    return TextEncoding(weighed, encoded.pooled)


def emphasise(encoded: Tensor, weights: list[float], *, has_norm: bool = True) -> Tensor:
    """Multiply each token's vector by its weight, then restore the mean (the web UI's "Original").

    Args:
        encoded: `(1, tokens, width)`.
        weights: One per token; all 1 leaves `encoded` untouched.
        has_norm: Without it the mean stays where the weights took it ("No norm").
    """
    if all(w == 1.0 for w in weights):
        return encoded
    if len(weights) != encoded.shape[1] or len(weights) != TEXT_TOKENS:
        raise ValueError(f"{len(weights)} weights for {encoded.shape[1]} tokens")
    before = encoded.mean()
    weighed: Tensor = encoded * torch.tensor(weights, device=encoded.device).reshape(1, -1, 1)
    after = weighed.mean()
    return weighed * (before / after) if has_norm and float(after) != 0.0 else weighed
