"""A causal text transformer run on suffixes only: the keys and values of a shared prefix are computed once.

Prompts of a chain differ in their last few tokens, labels only after the start token. In a causal tower
a token never sees what follows it, so everything before is shared work, and everything after the end
token (padding up to 77) is none at all.
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


class PrefixPass:
    """Runs `CausalParts` on equal-length suffixes of one prefix.

    Args:
        parts: From `causal_parts`; nothing is copied, the model may not move while this is in use.
    """

    def __init__(self, parts: CausalParts) -> None:
        self._parts = parts

    def empty(self) -> Prefix:
        """The prefix of no tokens."""
        width = self._parts.positions.shape[1] // self._parts.heads
        nothing = self._parts.positions.new_empty((self._parts.heads, 0, width))
        nothings = (nothing,) * len(self._parts.blocks)
        return Prefix((), nothings, nothings)

    @torch.inference_mode()
    def extend(self, prefix: Prefix, ids: Sequence[int]) -> Prefix:
        """`prefix` with `ids` behind it; no ids: the same prefix."""
        if not ids:
            return prefix
        device = self._parts.positions.device
        x = self._embed(torch.tensor([list(ids)], device=device), _positions(prefix, len(ids), device))
        keys, values = [], []
        for index, block in enumerate(self._parts.blocks):
            is_last = index == len(self._parts.blocks) - 1
            q, k, v = self._project(block, block.ln_1(x), queries=1 if is_last else x.shape[1])
            keys.append(torch.cat([prefix.keys[index], k[0]], dim=1))
            values.append(torch.cat([prefix.values[index], v[0]], dim=1))
            if not is_last:
                x = self._finish(block, x, self._attend(q, k, v, prefix.keys[index], prefix.values[index]))
        return Prefix((*prefix.ids, *ids), tuple(keys), tuple(values))

    @torch.inference_mode()
    def pooled(self, prefix: Prefix, suffixes: Tensor) -> Tensor:
        """Text features of `prefix` + each suffix, taken at the suffix's last token.

        Args:
            prefix: What all rows share.
            suffixes: (n, length) ids, int64; every row ends with its end token.

        Returns:
            (n, dim) float32, unit length.
        """
        x = self._embed(suffixes, _positions(prefix, suffixes.shape[1], suffixes.device))
        for index, block in enumerate(self._parts.blocks):
            # The last block's output is read at one token, so only that token asks.
            queries = 1 if index == len(self._parts.blocks) - 1 else x.shape[1]
            q, k, v = self._project(block, block.ln_1(x), queries=queries)
            attended = self._attend(q, k, v, prefix.keys[index], prefix.values[index])
            x = self._finish(block, x[:, -queries:], attended)
        return self._head(x[:, -1])

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
        device, length, ends = self._parts.positions.device, len(ids), len(cuts)
        cut = torch.tensor(list(cuts), device=device)
        row = torch.tensor([[*ids, *[end] * ends]], device=device)
        x = self._embed(row, torch.cat([torch.arange(length, device=device), cut]))
        blocked = torch.ones(length + ends, length + ends, dtype=torch.bool, device=device)
        blocked[:length, :length].triu_(1)
        blocked[length:, :length] = torch.arange(length, device=device)[None] >= cut[:, None]
        blocked[length:, length:].fill_diagonal_(fill_value=False)
        nothing = self.empty()
        for index, block in enumerate(self._parts.blocks):
            queries = ends if index == len(self._parts.blocks) - 1 else length + ends
            q, k, v = self._project(block, block.ln_1(x), queries=queries)
            attended = self._attend(q, k, v, nothing.keys[index], nothing.values[index], blocked[-queries:])
            x = self._finish(block, x[:, -queries:], attended)
        return self._head(x[0])

    def _embed(self, ids: Tensor, at: Tensor) -> Tensor:
        """(n, tokens, width) for ids (n, tokens) at the given positions (tokens,)."""
        dtype = self._parts.blocks[0].get_weight_dtype()
        positions = self._parts.positions[at]
        embedded: Tensor = self._parts.embedding(ids).to(dtype) + positions.to(dtype)
        return embedded

    def _project(self, block: Any, normed: Tensor, queries: int) -> tuple[Tensor, Tensor, Tensor]:
        """Queries of the last `queries` tokens, keys and values of all: (n, heads, tokens, head width)."""
        weight, bias, width = block.attn.in_proj_weight, block.attn.in_proj_bias, normed.shape[-1]
        if queries == normed.shape[1]:
            q, k, v = F.linear(normed, weight, bias).chunk(3, dim=-1)
        else:
            q = F.linear(normed[:, -queries:], weight[:width], None if bias is None else bias[:width])
            k, v = F.linear(normed, weight[width:], None if bias is None else bias[width:]).chunk(2, dim=-1)
        return self._split(q), self._split(k), self._split(v)

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:-1], self._parts.heads, -1).transpose(1, 2)

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, past_k: Tensor, past_v: Tensor, blocked: Tensor | None = None
    ) -> Tensor:
        """Attention over the shared past and the own part: (n, queries, width).

        The past is one matrix for all rows; it is never copied per row. `blocked` (queries, tokens) says what
        a query does not see of the own part; by default everything after itself.
        """
        n, heads, queries, head_width = q.shape
        q = q * head_width**-0.5
        own = q @ k.transpose(-1, -2)
        if blocked is None and queries > 1:
            blocked = torch.ones(queries, k.shape[2], dtype=torch.bool, device=q.device).triu(1)
        if blocked is not None:
            own = own.masked_fill(blocked, float("-inf"))
        rows = q.transpose(0, 1).reshape(heads, n * queries, head_width)
        past = (rows @ past_k.transpose(-1, -2)).view(heads, n, queries, -1).transpose(0, 1)
        weights = torch.softmax(torch.cat([past, own], dim=-1), dim=-1)
        split = past.shape[-1]
        of_past = weights[..., :split].transpose(0, 1).reshape(heads, n * queries, split) @ past_v
        mixed = of_past.view(heads, n, queries, head_width).transpose(0, 1) + weights[..., split:] @ v
        return mixed.transpose(1, 2).reshape(n, queries, heads * head_width)

    def _finish(self, block: Any, x: Tensor, attended: Tensor) -> Tensor:
        x = x + block.ls_1(block.attn.out_proj(attended))
        finished: Tensor = x + block.ls_2(block.mlp(block.ln_2(x)))
        return finished

    def _head(self, pooled: Tensor) -> Tensor:
        pooled = self._parts.final_norm(pooled)
        projection = self._parts.projection
        if projection is not None:
            pooled = projection(pooled) if isinstance(projection, torch.nn.Linear) else pooled @ projection
        return F.normalize(pooled.float(), dim=-1)


def _positions(prefix: Prefix, count: int, device: torch.device) -> Tensor:
    return torch.arange(len(prefix.ids), len(prefix.ids) + count, device=device)
