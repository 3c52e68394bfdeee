"""Seeded noise of one picture: the first latents and whatever its sampler draws later."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from generator.sampling.brownian import BrownianNoise
from generator.sampling.noise_settings import NoiseSettings
from generator.sampling.philox import PhiloxNoise, philox_normal

LatentShape = tuple[int, int, int]
"""(channels, height, width) in latent cells."""
_CELL = 8  # pixels per latent cell, as the web UI counts for `Seed resize from`


class _Draws(Protocol):
    def normal(self, shape: tuple[int, ...]) -> Tensor: ...


class _CpuNoise:
    """Torch's CPU generator."""

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator("cpu").manual_seed(seed)

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=self._generator, dtype=torch.float32)


class SampleNoise:
    """The noise of one picture, drawn by seed and order of the draws alone, never by its place in a batch.

    Follows the web UI's order of draws, so that its seeds, variation seeds and ENSD give the same noise.
    The same on every machine: `nv` is arithmetic, and `cpu` is drawn on the CPU whatever the device.
    """

    def __init__(
        self,
        seed: int,
        shape: LatentShape,
        settings: NoiseSettings | None = None,
        device: torch.device | None = None,
    ) -> None:
        """`seed` 0..2**32-1; the draws come on `device` (the CPU for `None`)."""
        self.seed = seed
        self.shape = shape
        self.settings = settings or NoiseSettings()
        self._device = device or torch.device("cpu")
        self._later = self._draws(seed)
        self._is_first = True
        self._tree: BrownianNoise | None = None

    @property
    def eta(self) -> float:
        """How much fresh noise a stochastic sampler adds; 1 is its own."""
        return self.settings.eta

    def normal(self) -> Tensor:
        """The next standard normal draw: float32 `(1, channels, height, width)`."""
        if self._is_first:
            self._is_first = False
            drawn = self._first()
        else:
            drawn = self._later.normal(self.shape)
        return drawn.unsqueeze(0).to(self._device)

    def plant_tree(self, sigma_low: float, sigma_high: float) -> None:
        """Prepare `brownian` for sigmas from `sigma_low` to `sigma_high`; must be called before it."""
        self._tree = BrownianNoise(self.seed, sigma_low, sigma_high, self._first_of_each)

    def brownian(self, sigma: float, sigma_next: float) -> Tensor:
        """Standard normal noise for the stretch between two sigmas, the same however it is cut up.

        Raises:
            RuntimeError: `plant_tree` was not called.
        """
        if self._tree is None:
            raise RuntimeError("plant_tree() must be called before brownian()")
        return self._tree(sigma, sigma_next).unsqueeze(0).to(self._device)

    def _draws(self, seed: int) -> _Draws:
        return _CpuNoise(seed) if self.settings.source == "cpu" else PhiloxNoise(seed, self._device)

    def _first_of_each(self, seeds: Sequence[int]) -> Tensor:
        """The first draw of several seeds, `(len(seeds), channels, height, width)`."""
        if self.settings.source == "cpu":
            return torch.stack([_CpuNoise(seed).normal(self.shape) for seed in seeds])
        device = torch.device("cpu") if self._device.type == "mps" else self._device
        return philox_normal(seeds, 0, math.prod(self.shape), device).reshape(len(seeds), *self.shape)

    def _first(self) -> Tensor:
        settings = self.settings
        inner_shape = self.shape
        if settings.resize_from is not None:
            width, height = settings.resize_from
            inner_shape = (self.shape[0], max(height // _CELL, 1), max(width // _CELL, 1))
        is_resized = inner_shape != self.shape
        noise = self._draws(self.seed).normal(inner_shape) if is_resized else self._later.normal(self.shape)
        if settings.variation_strength:
            variation = self._draws(settings.variation_seed).normal(inner_shape)
            noise = spherical_mix(settings.variation_strength, noise, variation)
        if is_resized:
            noise = _pasted(noise, self._later.normal(self.shape))
        if settings.later_seed_shift:
            self._later = self._draws(self.seed + settings.later_seed_shift)
        return noise


def spherical_mix(share: float, low: Tensor, high: Tensor) -> Tensor:
    """Between two noises along the sphere, per column, as the web UI mixes in a variation seed.

    Args:
        share: 0 gives `low`, 1 gives `high`.
        low: `(channels, height, width)`.
        high: Shaped like `low`.
    """
    cosine = (low / low.norm(dim=1, keepdim=True) * (high / high.norm(dim=1, keepdim=True))).sum(1)
    if float(cosine.mean()) > 0.9995:
        return low * (1 - share) + high * share
    angle = torch.acos(cosine)
    sine = torch.sin(angle)
    kept, added = torch.sin((1 - share) * angle) / sine, torch.sin(share * angle) / sine
    return kept.unsqueeze(1) * low + added.unsqueeze(1) * high


def _pasted(inner: Tensor, outer: Tensor) -> Tensor:
    """`inner` in the middle of `outer`; where it is larger, its own middle."""
    result = outer.clone()
    (to_y, from_y), (to_x, from_x) = (_span(inner.shape[axis], outer.shape[axis]) for axis in (1, 2))
    result[:, to_y, to_x] = inner[:, from_y, from_x]
    return result


def _span(inner: int, outer: int) -> tuple[slice, slice]:
    """(where to, where from) along one axis; the web UI's arithmetic, which may leave a row out."""
    gap = (outer - inner) // 2
    length = inner if gap >= 0 else inner + 2 * gap
    to, source = max(gap, 0), max(-gap, 0)
    return slice(to, to + length), slice(source, source + length)
