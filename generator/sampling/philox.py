"""The noise that CUDA draws for a seed, computed on any device.

The A1111 web UI draws on the GPU unless told otherwise, so this is the noise behind most pictures whose
parameters people share. CUDA's generator is Philox 4x32-10 (Salmon et al., "Parallel random numbers: as
easy as 1, 2, 3", SC 2011) followed by a Box-Muller transform; the web UI's noise source `NV` is the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_WORD = 0xFFFFFFFF
_PER_STEP = 2.0**-32
_ANGLE_PER_STEP = 6.2831854820251465 * 2.0**-32  # 2 pi in float32, as CUDA has it


def philox_normal(seeds: Sequence[int], draw: int, count: int, device: torch.device) -> Tensor:
    """Standard normal numbers as `torch.randn(count, device="cuda")` gives them for each seed.

    Args:
        seeds: Each taken modulo 2**64.
        draw: How many draws of the same seed came before, from 0.
        count: Numbers per seed, at most 2**32.
        device: Where to compute; needs 64-bit integers and floats (so not `mps`).

    Returns:
        float32 `(len(seeds), count)`; agrees with CUDA to about 1e-6.
    """
    key_a = torch.tensor([s & _WORD for s in seeds], device=device).unsqueeze(1)
    key_b = torch.tensor([(s >> 32) & _WORD for s in seeds], device=device).unsqueeze(1)
    a = torch.full((1, 1), draw, device=device)
    c = torch.arange(count, device=device).unsqueeze(0)
    b = d = torch.zeros((1, 1), dtype=torch.int64, device=device)
    for _ in range(_ROUNDS):
        high_a, low_a = _product(a, _MULTIPLIERS[0])
        high_c, low_c = _product(c, _MULTIPLIERS[1])
        a, b, c, d = high_c ^ b ^ key_a, low_c, high_a ^ d ^ key_b, low_a
        key_a, key_b = (key_a + _KEY_STEPS[0]) & _WORD, (key_b + _KEY_STEPS[1]) & _WORD
    radius = torch.log((a.double() + 0.5) * _PER_STEP).mul(-2.0).sqrt()
    return (radius * torch.sin((b.double() + 0.5) * _ANGLE_PER_STEP)).float().expand(len(seeds), count)


class PhiloxNoise:
    """Draws of one seed, one after the other."""

    def __init__(self, seed: int, device: torch.device | None = None) -> None:
        """Computed on `device`, or on the CPU where that lacks 64-bit floats."""
        self._seed = seed
        self._device = device if device is not None and device.type != "mps" else torch.device("cpu")
        self._draws = 0

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        """The next draw, float32."""
        drawn = philox_normal([self._seed], self._draws, math.prod(shape), self._device)
        self._draws += 1
        return drawn.reshape(shape)


def _product(words: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    """(high, low) halves of the 64-bit product; int64 wraps around, which leaves the bits right."""
    product = words * factor
    return (product >> 32) & _WORD, product & _WORD
