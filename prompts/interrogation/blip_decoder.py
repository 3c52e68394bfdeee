"""BLIP's sentence, greedy: drafted word by word in half precision, checked in one full-precision pass.

A decoder reads all its weights for every word, which on a CPU is its whole cost. The draft reads half
the bytes; the check reads the full ones once for a whole sentence. A word that the check would have
chosen otherwise is replaced and the draft goes on behind it, so that the words are the full precision's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from prompts.interrogation.half_precision import is_half_faster

Norm = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class _Weights:
    """A linear layer's, in the precision that its product runs in."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x.to(self.weight.dtype), self.weight, self.bias).to(x.dtype)

    def to(self, dtype: torch.dtype) -> _Weights:
        return _Weights(self.weight.to(dtype), self.bias.to(dtype))


@dataclass(frozen=True, slots=True)
class _Layer:
    joint: _Weights
    """Query, key and value of the words."""
    out: _Weights
    norm: Norm
    asks: _Weights
    """The query that the picture is asked."""
    answer: _Weights
    answer_norm: Norm
    widen: _Weights
    activation: Norm
    narrow: _Weights
    last_norm: Norm

    def to(self, dtype: torch.dtype) -> _Layer:
        parts = (self.joint, self.out, self.asks, self.answer, self.widen, self.narrow)
        joint, out, asks, answer, widen, narrow = (part.to(dtype) for part in parts)
        return _Layer(
            joint, out, self.norm, asks, answer, self.answer_norm, widen, self.activation, narrow, self.last_norm
        )


@dataclass(frozen=True, slots=True)
class _Words:
    """The layers and the head in one precision."""

    layers: tuple[_Layer, ...]
    transform: _Weights
    head: _Weights

    def to(self, dtype: torch.dtype) -> _Words:
        layers = tuple(layer.to(dtype) for layer in self.layers)
        return _Words(layers, self.transform.to(dtype), self.head.to(dtype))


@dataclass(frozen=True, slots=True)
class _Memory:
    """Keys and values: of the words so far, and of the picture. (layers, heads, tokens, head width) each."""

    keys: Tensor
    values: Tensor
    seen_keys: Tensor
    seen_values: Tensor


class DraftedDecoder:
    """Greedy words of transformers' `BlipTextLMHeadModel`.

    Args:
        decoder: The model on a CPU, float32, eval mode. Its query, key and value weights are laid side by
            side in memory, values unchanged.
        max_tokens: New tokens at most.
    """

    def __init__(self, decoder: Any, max_tokens: int) -> None:
        self._decoder = decoder
        self._config = decoder.config
        self._limit = 1 + max_tokens
        self._full = _words_of(decoder)
        self._draft = self._full.to(torch.float16)

    @classmethod
    def where_it_helps(cls, decoder: Any, max_tokens: int) -> DraftedDecoder | None:
        """A decoder if this is a CPU on which half precision is faster, else `None`."""
        weight = decoder.cls.predictions.decoder.weight
        is_fit = weight.device.type == "cpu" and weight.dtype == torch.float32 and is_half_faster(weight)
        return cls(decoder, max_tokens) if is_fit else None

    @torch.inference_mode()
    def greedy(self, seen: Tensor) -> list[int]:
        """The words for one picture, start token first, end token last unless the limit came before.

        Args:
            seen: (1, patches + 1, width) float32 from the picture tower.
        """
        memory = self._remember(seen)
        end = int(self._config.sep_token_id)
        tokens, checked = [int(self._config.bos_token_id)], 0
        while True:
            draft = self._drafted(tokens, memory, end)
            chosen = self._next_of(self._full, draft[checked:-1], checked, memory)
            wrong = next((i for i, word in enumerate(chosen) if word != draft[checked + 1 + i]), None)
            if wrong is None:
                return draft
            checked += 1 + wrong
            tokens = [*draft[:checked], chosen[wrong]]
            if chosen[wrong] == end or len(tokens) == self._limit:
                return tokens

    def _drafted(self, tokens: list[int], memory: _Memory, end: int) -> list[int]:
        draft = list(tokens)
        while len(draft) < self._limit and (draft[-1] != end or len(draft) == 1):
            draft += self._next_of(self._draft, draft[-1:], len(draft) - 1, memory)
        return draft

    def _remember(self, seen: Tensor) -> _Memory:
        heads = int(self._config.num_attention_heads)
        layers = self._decoder.bert.encoder.layer
        keys = torch.stack([_split(layer.crossattention.self.key(seen[0]), heads) for layer in layers])
        values = torch.stack([_split(layer.crossattention.self.value(seen[0]), heads) for layer in layers])
        empty = keys.new_empty(len(layers), heads, self._limit, keys.shape[-1])
        return _Memory(empty, torch.empty_like(empty), keys, values)

    def _next_of(self, words: _Words, tokens: list[int], start: int, memory: _Memory) -> list[int]:
        """The word that follows each of `tokens`, which stand from `start` on; their keys and values are kept."""
        embedding, stop = self._decoder.bert.embeddings, start + len(tokens)
        places = embedding.position_embeddings.weight[start:stop]
        x = embedding.LayerNorm(embedding.word_embeddings.weight[tokens] + places)
        heads = memory.keys.shape[1]
        sees = torch.ones(len(tokens), stop, dtype=torch.bool).tril(start) if len(tokens) > 1 else None
        for index, layer in enumerate(words.layers):
            asked, key, value = (_split(part, heads) for part in layer.joint(x).chunk(3, dim=-1))
            memory.keys[index, :, start:stop], memory.values[index, :, start:stop] = key, value
            past = memory.keys[index, :, :stop], memory.values[index, :, :stop]
            x = layer.norm(layer.out(_mixed(asked, *past, sees)) + x)
            asked = _split(layer.asks(x), heads)
            x = layer.answer_norm(
                layer.answer(_mixed(asked, memory.seen_keys[index], memory.seen_values[index], None)) + x
            )
            x = layer.last_norm(layer.narrow(layer.activation(layer.widen(x))) + x)
        head = self._decoder.cls.predictions.transform
        x = head.LayerNorm(head.transform_act_fn(words.transform(x)))
        chosen: list[int] = words.head(x).argmax(dim=-1).tolist()
        return chosen


def _words_of(decoder: Any) -> _Words:
    head = decoder.cls.predictions
    layers = tuple(_layer_of(layer) for layer in decoder.bert.encoder.layer)
    return _Words(layers, _plain(head.transform.dense), _plain(head.decoder))


def _layer_of(layer: Any) -> _Layer:
    own, cross = layer.attention, layer.crossattention
    return _Layer(
        joint=_joined(own.self.query, own.self.key, own.self.value),
        out=_plain(own.output.dense),
        norm=own.output.LayerNorm,
        asks=_plain(cross.self.query),
        answer=_plain(cross.output.dense),
        answer_norm=cross.output.LayerNorm,
        widen=_plain(layer.intermediate.dense),
        activation=layer.intermediate.intermediate_act_fn,
        narrow=_plain(layer.output.dense),
        last_norm=layer.output.LayerNorm,
    )


def _plain(linear: Any) -> _Weights:
    return _Weights(linear.weight.data, linear.bias.data)


def _joined(*linears: Any) -> _Weights:
    """Several layers of one input as one; they become views of it, so that nothing is kept twice."""
    joint = _Weights(torch.cat([each.weight.data for each in linears]), torch.cat([each.bias.data for each in linears]))
    start = 0
    for each in linears:
        stop = start + len(each.bias)
        each.weight.data, each.bias.data = joint.weight[start:stop], joint.bias[start:stop]
        start = stop
    return joint


def _split(x: Tensor, heads: int) -> Tensor:
    """(tokens, width) as (heads, tokens, head width)."""
    return x.view(x.shape[0], heads, -1).transpose(0, 1)


def _mixed(asked: Tensor, keys: Tensor, values: Tensor, sees: Tensor | None) -> Tensor:
    """Attention: (tokens, width)."""
    mixed = F.scaled_dot_product_attention(asked[None], keys[None], values[None], attn_mask=sees)[0]
    return mixed.transpose(0, 1).flatten(1)
