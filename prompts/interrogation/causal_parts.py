"""The parts of an open_clip text tower, if it is one whose rows may be cut at the end token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class CausalParts:
    """A causal text transformer pooled at its end token, taken apart. Holds the model's own tensors."""

    embedding: nn.Embedding
    positions: Tensor
    """(context, width)."""
    blocks: tuple[Any, ...]
    final_norm: nn.Module
    projection: Any
    """(width, dim) tensor, a Linear, or `None`."""
    heads: int
    pooled_by_highest_id: bool
    """True: at the first highest id (OpenAI's rule). False: at the first `end_id`."""
    end_id: int


def causal_parts(model: nn.Module) -> CausalParts | None:
    """The parts of `model`'s text tower, or `None` when prefix reuse would change its results.

    Needed: open_clip's own transformer, a causal mask, no class token, pooling at the end token. SigLIP,
    CoCa and Hugging Face towers are refused.
    """
    # Not at the top: open_clip may be imported only behind the torchvision guard.
    from open_clip.model import CLIP, CustomTextCLIP  # noqa: PLC0415
    from open_clip.transformer import TextTransformer  # noqa: PLC0415

    tower: Any = model
    if isinstance(model, CustomTextCLIP):
        tower = model.text
        if not isinstance(tower, TextTransformer) or tower.cls_emb is not None or tower.use_pad_mask:
            return None
        pool, end = tower.pool_type, tower.eos_id
    elif isinstance(model, CLIP):
        pool, end = model.text_pool_type, model.text_eos_id
    else:
        return None
    blocks = tuple(tower.transformer.resblocks)
    if pool not in ("argmax", "eos") or not _is_causal(tower.attn_mask) or not all(map(_is_plain_block, blocks)):
        return None
    return CausalParts(
        embedding=tower.token_embedding,
        positions=tower.positional_embedding,
        blocks=blocks,
        final_norm=tower.ln_final,
        projection=tower.text_projection,
        heads=blocks[0].attn.num_heads,
        pooled_by_highest_id=pool == "argmax",
        end_id=int(end),
    )


def _is_causal(mask: Tensor | None) -> bool:
    if mask is None:
        return False
    expected = torch.full_like(mask, float("-inf")).triu(1)
    return bool(torch.equal(mask, expected))


def _is_plain_block(block: Any) -> bool:
    from open_clip.transformer import ResidualAttentionBlock  # noqa: PLC0415

    # An exact type: a subclass may add norms or scales that the hand-written pass would skip.
    if type(block) is not ResidualAttentionBlock or type(block.attn) is not nn.MultiheadAttention:
        return False
    attention = block.attn
    return attention.in_proj_weight is not None and attention.bias_k is None and not attention.add_zero_attn
