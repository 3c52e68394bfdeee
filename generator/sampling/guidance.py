"""Classifier-free guidance (arXiv:2207.12598), one scale per picture, with the weights of `AND`."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def needs_negative(weights: Sequence[float], cfg_scale: float) -> bool:
    """Whether the negative prompt has any influence; without it a picture brings one row less."""
    return cfg_scale != 1.0 or tuple(weights) != (1.0,)


def guide(outputs: Tensor, weights: Sequence[float], cfg_scale: float) -> Tensor:
    """Compose: negative + sum(weight * scale * (positive - negative)), the web UI's rule for `AND`.

    Args:
        outputs: `(rows, C, h, w)`: one row per positive prompt, then the negative prompt's where
            `needs_negative` says so.
        weights: One per positive prompt.
        cfg_scale: The CFG scale; 1 with a single prompt of weight 1 returns that row as it is.

    Returns:
        `(1, C, h, w)`.
    """
    if not needs_negative(weights, cfg_scale):
        return outputs[:1]
    negative = outputs[-1:]
    guided = negative
    for row, weight in enumerate(weights):
        guided = guided + (outputs[row : row + 1] - negative) * (weight * cfg_scale)
    return guided
