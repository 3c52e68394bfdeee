"""A causal text transformer run on suffixes only: the keys and values of a shared prefix are computed once.

Prompts of a chain differ in their last few tokens, labels only after the start token. In a causal tower
a token never sees what follows it, so everything before is shared work, and everything after the end
token (padding up to 77) is none at all.

Rows of different lengths run together as one flat list of tokens: the matrix products, which are nearly
all of the cost, see every token of every row at once; only attention goes length by length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from prompts.interrogation.causal_parts import CausalParts


@dataclass(frozen=True, slots=True)
class Prefix:
    """Token ids with the keys and values they leave in every block."""

    ids: tuple[int, ...]
    keys: tuple[Tensor, ...]
    """One (heads, len(ids), head width) per block."""
    values: tuple[Tensor, ...]

    def cut(self, length: int) -> Prefix:
        """The first `length` tokens of it."""
        return Prefix(
            self.ids[:length],
            tuple(k[:, :length] for k in self.keys),
            tuple(v[:, :length] for v in self.values),
        )


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a flat list of tokens is made of rows."""

    groups: tuple[tuple[int, int], ...]
    """(rows, tokens per row), in the order in which they lie."""
    read: Tensor
    """Flat indices of the tokens whose output is wanted; as many of every row, its last ones."""
    read_per_row: int
    blocked: Tensor | None = None
    """(tokens, tokens) of what a token does not see in its own row; `None`: everything after itself."""


class PrefixPass:
    """Runs `CausalParts` on suffixes of one prefix.

    Args:
        parts: From `causal_parts`; nothing is copied, the model may not move while this is in use.
    """

    def __init__(self, parts: CausalParts) -> None:
        self._parts = parts
        self._device = parts.positions.device

    def empty(self) -> Prefix:
        """The prefix of no tokens."""
        width = self._parts.positions.shape[1] // self._parts.heads
        dtype = self._parts.blocks[0].get_weight_dtype()
        nothing = self._parts.positions.new_empty((self._parts.heads, 0, width), dtype=dtype)
        nothings = (nothing,) * len(self._parts.blocks)
        return Prefix((), nothings, nothings)

    @torch.inference_mode()
    def extend(self, prefix: Prefix, ids: Sequence[int]) -> Prefix:
        """`prefix` with `ids` behind it; no ids: the same prefix."""
        if not ids:
            return prefix
        start = len(prefix.ids)
        positions = torch.arange(start, start + len(ids), device=self._device)
        kept: list[tuple[Tensor, Tensor]] = []
        layout = _Layout(((1, len(ids)),), torch.tensor([len(ids) - 1], device=self._device), 1)
        self._run(prefix, torch.tensor(list(ids), device=self._device), positions, layout, kept)
        keys = tuple(torch.cat([old, new], dim=1) for old, (new, _) in zip(prefix.keys, kept, strict=True))
        values = tuple(torch.cat([old, new], dim=1) for old, (_, new) in zip(prefix.values, kept, strict=True))
        return Prefix((*prefix.ids, *ids), keys, values)

    @torch.inference_mode()
    def pooled(self, prefix: Prefix, groups: Sequence[Tensor]) -> Tensor:
        """Text features of `prefix` + each suffix, taken at the suffix's last token.

        Args:
            prefix: What all rows share.
            groups: (rows, length) ids each, int64; every row ends with its end token.

        Returns:
            (rows of all groups, dim) float32, unit length.
        """
        start = len(prefix.ids)
        shapes = tuple((int(g.shape[0]), int(g.shape[1])) for g in groups)
        positions = torch.cat([torch.arange(start, start + length).repeat(rows) for rows, length in shapes])
        lengths = torch.cat([torch.full((rows,), length) for rows, length in shapes])
        layout = _Layout(shapes, (lengths.cumsum(0) - 1).to(self._device), 1)
        ids = torch.cat([g.flatten() for g in groups])
        return self._head(self._run(prefix, ids, positions.to(self._device), layout))

    @torch.inference_mode()
    def pooled_at(self, ids: Sequence[int], cuts: Sequence[int], end: int) -> Tensor:
        """Text features of `ids[:cut]` + end token for every cut, in one pass over `ids`.

        The end tokens stand side by side behind the row, each at the position where its cut ends and
        seeing only what comes before it.

        Args:
            ids: The longest row, start token included.
            cuts: Lengths, 1..len(ids), any order.
            end: The end token.

        Returns:
            (cuts, dim) float32, unit length.
        """
        length, ends = len(ids), len(cuts)
        cut = torch.tensor(list(cuts), device=self._device)
        row = torch.tensor([*ids, *[end] * ends], device=self._device)
        blocked = torch.ones(length + ends, length + ends, dtype=torch.bool, device=self._device)
        blocked[:length, :length].triu_(1)
        blocked[length:, :length] = torch.arange(length, device=self._device)[None] >= cut[:, None]
        blocked[length:, length:].fill_diagonal_(fill_value=False)
        read = torch.arange(length, length + ends, device=self._device)
        layout = _Layout(((1, length + ends),), read, ends, blocked)
        positions = torch.cat([torch.arange(length, device=self._device), cut])
        return self._head(self._run(self.empty(), row, positions, layout))

    def _run(
        self,
        prefix: Prefix,
        ids: Tensor,
        positions: Tensor,
        layout: _Layout,
        kept: list[tuple[Tensor, Tensor]] | None = None,
    ) -> Tensor:
        """(tokens read, width) of the last block; every block's keys and values are added to `kept`."""
        dtype = self._parts.blocks[0].get_weight_dtype()
        x: Tensor = self._parts.embedding(ids).to(dtype) + self._parts.positions[positions].to(dtype)
        for index, block in enumerate(self._parts.blocks):
            # The last block's output is read at few tokens, so only those ask.
            is_last = index == len(self._parts.blocks) - 1
            q, k, v = self._project(block, block.ln_1(x), layout.read if is_last else None)
            if kept is not None:
                kept.append((k, v))
            attended = self._attend(q, k, v, (prefix.keys[index], prefix.values[index]), layout, is_last=is_last)
            x = x[layout.read] if is_last else x
            x = x + block.ls_1(block.attn.out_proj(attended))
            x = x + block.ls_2(block.mlp(block.ln_2(x)))
        return x

    def _project(self, block: Any, normed: Tensor, read: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (of the tokens `read`, or all), keys and values of all: (heads, tokens, head width) each."""
        weight, bias, width = block.attn.in_proj_weight, block.attn.in_proj_bias, normed.shape[-1]
        if read is None:
            q, k, v = F.linear(normed, weight, bias).chunk(3, dim=-1)
        else:
            q = F.linear(normed[read], weight[:width], None if bias is None else bias[:width])
            k, v = F.linear(normed, weight[width:], None if bias is None else bias[width:]).chunk(2, dim=-1)
        return self._split(q), self._split(k), self._split(v)

    def _split(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], self._parts.heads, -1).transpose(0, 1)

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, past: tuple[Tensor, Tensor], layout: _Layout, *, is_last: bool
    ) -> Tensor:
        """Attention over the shared past and each row's own tokens: (queries, width)."""
        q = q * q.shape[-1] ** -0.5
        of_past = q @ past[0].transpose(-1, -2)
        mixed, asked, told = [], 0, 0
        for rows, length in layout.groups:
            queries = layout.read_per_row if is_last else length
            asking = slice(asked, asked + rows * queries)
            telling = slice(told, told + rows * length)
            own = _rows(q[:, asking], rows) @ _rows(k[:, telling], rows).transpose(-1, -2)
            if layout.blocked is not None:
                own = own.masked_fill(layout.blocked[-queries:], float("-inf"))
            elif queries > 1:
                future = torch.ones(queries, length, dtype=torch.bool, device=q.device).triu(1)
                own = own.masked_fill(future, float("-inf"))
            weights = torch.softmax(torch.cat([_rows(of_past[:, asking], rows), own], dim=-1), dim=-1)
            split = of_past.shape[-1]
            from_past = weights[..., :split].flatten(1, 2) @ past[1]
            from_own = (weights[..., split:] @ _rows(v[:, telling], rows)).flatten(1, 2)
            mixed.append(from_past + from_own)
            asked, told = asking.stop, telling.stop
        return torch.cat(mixed, dim=1).transpose(0, 1).flatten(1)

    def _head(self, pooled: Tensor) -> Tensor:
        pooled = self._parts.final_norm(pooled)
        projection = self._parts.projection
        if projection is not None:
            pooled = projection(pooled) if isinstance(projection, torch.nn.Linear) else pooled @ projection
        return F.normalize(pooled.float(), dim=-1)


def _rows(x: Tensor, rows: int) -> Tensor:
    """(heads, rows * tokens, n) as (heads, rows, tokens, n)."""
    return x.view(x.shape[0], rows, x.shape[1] // rows, x.shape[-1])
