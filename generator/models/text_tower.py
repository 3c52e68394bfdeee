"""One CLIP text encoder of a checkpoint: SD1.x has one, SDXL two."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from generator.device import Compute
from generator.errors import UnsupportedSpell

TEXT_TOKENS = 77
"""Tokens a text encoder reads at once: start, 75 of the prompt, end."""

Vectors = Callable[[int], Tensor | None]
"""The vector `(width,)` that stands for a token id which is none of the vocabulary's; `None` for ordinary ones."""


@dataclass(frozen=True)
class TextParts:
    """What a loader found of one text encoder, before anything is built."""

    config: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    """Keys without the `text_model.` prefix; `text_projection.weight` where it has one."""
    tokenizer: Any
    """A transformers `CLIPTokenizer`."""


@dataclass(frozen=True)
class TextEncoding:
    """What a text encoder says of one chunk."""

    context: Tensor
    """float32 `(1, 77, width)`."""
    pooled: Tensor | None
    """float32 `(1, projection width)`: the whole chunk in one vector; `None` without a projection."""


@dataclass
class TextTower:
    """A text encoder with its tokenizer. Its weights change only through `generator.models.lora`."""

    encoder: nn.Module
    """A transformers `CLIPTextModel`."""
    projection: nn.Module | None
    """SDXL's second tower projects the end token; `None` elsewhere."""
    tokenizer: Any
    compute: Compute
    layers: int
    """Layers of the encoder: the largest clip skip."""
    is_penultimate: bool = False
    """SDXL's towers always give the layer before the last, without the final layer norm; clip skip counts
    for SD1.x alone, as in the web UI."""

    @property
    def width(self) -> int:
        """Numbers per token."""
        return int(self._embedding.weight.shape[1])

    def tokenize(self, text: str) -> list[int]:
        """Token ids of `text` without start, end or padding; any length."""
        with warnings.catch_warnings():
            # transformers warns past 77 tokens; cutting into chunks comes later.
            warnings.simplefilter("ignore")
            ids: list[int] = self.tokenizer(text, add_special_tokens=False, truncation=False, verbose=False).input_ids
        return ids

    @torch.inference_mode()
    def encode(self, ids: list[int], clip_skip: int, vectors: Vectors | None = None) -> TextEncoding:
        """Read one chunk.

        Args:
            ids: 77 token ids, start and end included.
            clip_skip: 1 is the last layer, 2 the one before it; the final layer norm is applied either way.
            vectors: Learned vectors (textual inversion) behind ids beyond the vocabulary.

        Raises:
            UnsupportedSpell: The encoder has fewer layers than `clip_skip`.
        """
        self._check(clip_skip)
        learned = {place: found for place, i in enumerate(ids) if vectors and (found := vectors(i)) is not None}
        plain = [0 if place in learned else i for place, i in enumerate(ids)]
        tokens = torch.tensor([plain], device=self.compute.device)
        hook = self._embedding.register_forward_hook(_putting(learned)) if learned else None
        try:
            said = self.encoder(tokens, output_hidden_states=True)
        finally:
            if hook is not None:
                hook.remove()
        return TextEncoding(self._context(said, clip_skip), self._pooled(said, ids))

    def _check(self, clip_skip: int) -> None:
        if clip_skip > self.layers and not self.is_penultimate:
            raise UnsupportedSpell(
                f"Clip skip {clip_skip} is more than the {self.layers} layers of this checkpoint's text encoder.",
                field="clip_skip",
                got=clip_skip,
                limit=self.layers,
            )

    def _context(self, said: Any, clip_skip: int) -> Tensor:
        if self.is_penultimate:
            return torch.as_tensor(said.hidden_states[-2]).float()
        if clip_skip == 1:
            return torch.as_tensor(said.last_hidden_state).float()
        # Not the pipelines' clip_skip: with transformers >= 5.6 that fails (diffusers issue #14124).
        final_layer_norm: Any = self.encoder.final_layer_norm
        return torch.as_tensor(final_layer_norm(said.hidden_states[-clip_skip])).float()

    def _pooled(self, said: Any, ids: list[int]) -> Tensor | None:
        if self.projection is None:
            return None
        end = ids.index(self.tokenizer.eos_token_id)
        return torch.as_tensor(self.projection(said.last_hidden_state[:, end])).float()

    @property
    def _embedding(self) -> Any:
        embeddings: Any = self.encoder.embeddings
        return embeddings.token_embedding


def _putting(learned: Mapping[int, Tensor]) -> Callable[[nn.Module, Any, Tensor], Tensor]:
    """A hook that puts vectors in place of the embeddings of some tokens."""

    def hook(_: nn.Module, __: Any, embedded: Tensor) -> Tensor:
        embedded = embedded.clone()
        for place, vector in learned.items():
            embedded[0, place] = vector.to(embedded)
        return embedded

    return hook
