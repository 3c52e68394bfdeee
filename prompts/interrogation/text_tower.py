"""Texts to unit vectors: the causal way where the tower allows it, open_clip's own way elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from prompts.interrogation.causal_parts import CausalParts, causal_parts
from prompts.interrogation.prefix_pass import Prefix, PrefixPass
from prompts.interrogation.tokens import Body, ClipTokens, is_plain

SEPARATOR = ", "
_TOKENS_PER_BATCH = 4096
Steps = Callable[[int, int], None]
"""Called with (texts done, texts in all) after every batch."""


class TextTower(Protocol):
    """Text to features. Methods block; one call at a time."""

    max_tokens: int
    """Of a row, start and end included."""
    is_causal: bool
    """Whether prefixes are reused."""
    device: torch.device
    """Where features come out."""

    def encode(self, texts: Sequence[str], on_step: Steps | None = None) -> Tensor:
        """(n, dim) float32 on `device`, unit length."""
        ...

    def encode_continuations(self, prompt: str, phrases: Sequence[str]) -> Tensor:
        """As `encode` of `prompt + ", " + phrase` for every phrase."""
        ...

    def encode_growth(self, parts: Sequence[str]) -> Tensor:
        """As `encode` of `parts[0]`, `parts[0] + ", " + parts[1]`, …: every stage of a joined prompt."""
        ...

    def length(self, text: str) -> int:
        """Tokens of `text`'s row, start and end included; may be more than `max_tokens` when it is cut."""
        ...


def is_full(tower: TextTower, text: str, limit: int | None = None) -> bool:
    """Whether `text` leaves no room in the tower's context, or in `limit` tokens (start and end included)."""
    return tower.length(text) >= min(tower.max_tokens, limit or tower.max_tokens)


def text_tower(model: nn.Module, tokens: ClipTokens | None, tokenizer: Any) -> TextTower:
    """The fastest tower that gives `model`'s own features.

    Args:
        model: An open_clip model in eval mode.
        tokens: Plain view of its tokenizer; `None` when there is none (not of the CLIP family).
        tokenizer: open_clip's callable, texts to a padded (n, context) tensor.
    """
    parts = causal_parts(model)
    if parts is None or tokens is None or not (parts.pooled_by_highest_id or parts.end_id == tokens.end):
        return PlainTextTower(model, tokenizer)
    return CausalTextTower(parts, tokens)


class PlainTextTower:
    """Every text as a full padded row through `encode_text`."""

    is_causal = False

    def __init__(self, model: Any, tokenizer: Any, rows_per_batch: int = 64) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._rows = rows_per_batch
        self.max_tokens = int(model.context_length)
        self.device = next(model.parameters()).device

    @torch.inference_mode()
    def encode(self, texts: Sequence[str], on_step: Steps | None = None) -> Tensor:
        """See `TextTower`."""
        features = []
        for start in range(0, len(texts), self._rows):
            rows = self._tokenizer(list(texts[start : start + self._rows])).to(self.device)
            features.append(F.normalize(self._model.encode_text(rows).float(), dim=-1))
            if on_step:
                on_step(min(start + self._rows, len(texts)), len(texts))
        return torch.cat(features) if features else torch.zeros((0, 1), device=self.device)

    def encode_continuations(self, prompt: str, phrases: Sequence[str]) -> Tensor:
        """See `TextTower`."""
        return self.encode([prompt + SEPARATOR + p for p in phrases])

    def encode_growth(self, parts: Sequence[str]) -> Tensor:
        """See `TextTower`."""
        return self.encode([SEPARATOR.join(parts[: i + 1]) for i in range(len(parts))])

    def length(self, text: str) -> int:
        """See `TextTower`. Counts what is not the padding of an empty text; a cut row has `max_tokens`."""
        row, empty = self._tokenizer([text, ""])
        padding = torch.nonzero(row != empty[-1]).flatten()
        return int(padding[-1]) + 1 if len(padding) else 0


class CausalTextTower:
    """Rows cut at the end token, grouped by length, behind the keys and values of their shared prefix."""

    is_causal = True

    def __init__(self, parts: CausalParts, tokens: ClipTokens) -> None:
        self._parts = parts
        self._pass = PrefixPass(parts)
        self._tokens = tokens
        self.device = parts.positions.device
        self.max_tokens = min(tokens.context_length, parts.positions.shape[0])
        self._start = self._pass.extend(self._pass.empty(), (tokens.start,))
        self._prefix: Prefix = self._start

    def encode(self, texts: Sequence[str], on_step: Steps | None = None) -> Tensor:
        """See `TextTower`."""
        rows = [self._pooled_row(self._tokens.row(body)) for body in self._tokens.bodies(texts)]
        return self._behind(self._start, [row[1:] for row in rows], on_step)

    def encode_continuations(self, prompt: str, phrases: Sequence[str]) -> Tensor:
        """See `TextTower`. The prompt's keys and values are kept for the next call that continues it."""
        head = prompt + SEPARATOR.rstrip()
        body = self._tokens.body(head)
        room = self.max_tokens - 2 - len(body)
        if room < 1 or max(body) >= self._tokens.end:
            return self.encode([prompt + SEPARATOR + p for p in phrases])
        self._prefix = self._prefix_of((self._tokens.start, *body))
        tails = self._tails(head, body, phrases)
        alone = [i for i, tail in enumerate(tails) if tail is None]
        suffixes = [self._pooled_row((*(tail or ())[:room], self._tokens.end)) for tail in tails]
        features = self._behind(self._prefix, suffixes, None)
        if alone:
            features[alone] = self.encode([prompt + SEPARATOR + phrases[i] for i in alone])
        return features

    def _tails(self, head: str, body: Body, phrases: Sequence[str]) -> list[Body | None]:
        """What each phrase adds to `body` when it follows `head`; `None` where it changes the head itself."""
        is_head_plain = is_plain(head)
        tails: list[Body | None] = []
        for phrase in phrases:
            if is_head_plain and is_plain(phrase):
                tails.append(self._tokens.body(phrase))
                continue
            joined = self._tokens.body(f"{head} {phrase}")
            tails.append(joined[len(body) :] if joined[: len(body)] == body else None)
        return tails

    def encode_growth(self, parts: Sequence[str]) -> Tensor:
        """See `TextTower`. One pass over the last stage, of which the others are beginnings."""
        stages = [SEPARATOR.join(parts[: i + 1]) for i in range(len(parts))]
        room = self.max_tokens - 2
        bodies = [body[:room] for body in self._tokens.bodies(stages)]
        whole = bodies[-1] if bodies else ()
        if any(whole[: len(b)] != b for b in bodies) or max(whole, default=self._tokens.end) >= self._tokens.end:
            return self.encode(stages)
        cuts = [1 + len(body) for body in bodies]
        return self._pass.pooled_at((self._tokens.start, *whole), cuts, self._tokens.end)

    def length(self, text: str) -> int:
        """See `TextTower`."""
        return len(self._tokens.body(text)) + 2

    def _prefix_of(self, ids: Body) -> Prefix:
        """Reuses as much of the last prefix as `ids` starts with."""
        shared = 0
        for mine, wanted in zip(self._prefix.ids, ids, strict=False):
            if mine != wanted:
                break
            shared += 1
        return self._pass.extend(self._prefix.cut(shared), ids[shared:])

    def _pooled_row(self, row: Body) -> Body:
        """`row` up to the token at which the tower pools; nothing after it can matter."""
        wanted = max(row) if self._parts.pooled_by_highest_id else self._parts.end_id
        return row[: row.index(wanted) + 1] if wanted in row else row[:1]

    def _behind(self, prefix: Prefix, suffixes: Sequence[Body], on_step: Steps | None) -> Tensor:
        features: Tensor | None = None
        done = 0
        for batch in _batches(suffixes):
            groups = [torch.tensor([suffixes[i] for i in group], device=self.device) for group in batch]
            pooled = self._pass.pooled(prefix, groups)
            if features is None:
                features = pooled.new_empty((len(suffixes), pooled.shape[1]))
            features[[i for group in batch for i in group]] = pooled
            done += len(pooled)
            if on_step:
                on_step(done, len(suffixes))
        return torch.zeros((0, 1), device=self.device) if features is None else features


def _batches(suffixes: Sequence[Body]) -> list[list[list[int]]]:
    """Indices of suffixes in batches of about `_TOKENS_PER_BATCH`, each a list of groups of one length."""
    order = sorted(range(len(suffixes)), key=lambda i: len(suffixes[i]))
    batches: list[list[list[int]]] = []
    room = 0
    for index in order:
        length = len(suffixes[index])
        if room < length:
            batches.append([])
            room = _TOKENS_PER_BATCH
        groups = batches[-1]
        if not groups or len(suffixes[groups[-1][0]]) != length:
            groups.append([])
        groups[-1].append(index)
        room -= length
    return batches
