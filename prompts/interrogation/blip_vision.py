"""BLIP's picture tower with fused attention: transformers' own writes out 577 x 577 weights for every head."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


@torch.inference_mode()
def seen_by(vision: Any, pixels: Tensor) -> Tensor:
    """What transformers' `BlipVisionModel` gives as its last hidden state, to rounding.

    Args:
        vision: The model, in eval mode.
        pixels: (pictures, 3, side, side) in the model's type.

    Returns:
        (pictures, patches + 1, width).
    """
    x: Tensor = vision.embeddings(pixels)
    for layer in vision.encoder.layers:
        x = x + _attended(layer.self_attn, layer.layer_norm1(x))
        x = x + layer.mlp(layer.layer_norm2(x))
    normed: Tensor = vision.post_layernorm(x)
    return normed


def _attended(attention: Any, x: Tensor) -> Tensor:
    pictures, patches, width = x.shape
    joint = attention.qkv(x).view(pictures, patches, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
    mixed = F.scaled_dot_product_attention(joint[0], joint[1], joint[2], scale=attention.scale)
    projected: Tensor = attention.projection(mixed.transpose(1, 2).reshape(pictures, patches, width))
    return projected
