"""Seeded noise of one picture: the first latents and whatever its sampler draws later."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

LatentShape = tuple[int, int, int]
"""(channels, height, width) in latent cells."""


class SampleNoise:
    """The noise of one picture, drawn on the CPU from its own generator.

    Drawn by seed and order of the draws alone, never by the place in a batch, so that neighbours
    cannot change it. The first draw is the one the A1111 web UI makes with its CPU noise source.
    """

    def __init__(self, seed: int, shape: LatentShape, device: torch.device | None = None) -> None:
        self.seed = seed
        self.shape = shape
        self._device = device or torch.device("cpu")
        self._generator = torch.Generator("cpu").manual_seed(seed)
        self._tree: BrownianNoise | None = None

    @property
    def generator(self) -> torch.Generator:
        """The CPU generator behind `normal`, for noise schedulers that draw by themselves."""
        return self._generator

    def normal(self) -> Tensor:
        """The next standard normal draw: float32 `(1, channels, height, width)`."""
        return torch.randn((1, *self.shape), generator=self._generator, dtype=torch.float32).to(self._device)

    def plant_tree(self, sigma_low: float, sigma_high: float) -> None:
        """Prepare `brownian` for sigmas from `sigma_low` to `sigma_high`; must be called before it."""
        self._tree = BrownianNoise(self.seed, self.shape, sigma_low, sigma_high)

    def brownian(self, sigma: float, sigma_next: float) -> Tensor:
        """Standard normal noise for the stretch between two sigmas, the same however it is cut up.

        Raises:
            RuntimeError: `plant_tree` was not called.
        """
        if self._tree is None:
            raise RuntimeError("plant_tree() must be called before brownian()")
        return self._tree(sigma, sigma_next).to(self._device)


class BrownianNoise:
    """Increments of one seeded Brownian path over sigma, scaled to unit variance.

    The same path whatever points it is asked at, as k-diffusion's `BrownianTreeNoiseSampler`: the
    stochastic samplers of the DPM++ family then draw the same picture at similar step counts.
    """

    def __init__(self, seed: int, shape: LatentShape, sigma_low: float, sigma_high: float) -> None:
        import torchsde  # noqa: PLC0415 - half a second (scipy), and only the DPM++ SDE family needs it

        # The path is only defined to 6 decimals (torchsde rounds every query to its tolerance of 1e-6).
        sigma_low, sigma_high = round(sigma_low, 6), round(sigma_high, 6)
        # Any: torchsde is not annotated.
        self._path: Any = torchsde.BrownianTree(
            t0=sigma_low,
            w0=torch.zeros((1, *shape), dtype=torch.float32),
            t1=sigma_high,
            entropy=seed,
        )
        self._low, self._high = sigma_low, sigma_high

    def __call__(self, sigma: float, sigma_next: float) -> Tensor:
        """Noise `(1, channels, height, width)` for the stretch between two different sigmas, in any order."""
        early, late = sorted((self._clip(sigma), self._clip(sigma_next)))
        sign = 1.0 if sigma <= sigma_next else -1.0
        increment: Tensor = self._path(early, late)
        return increment * (sign / math.sqrt(late - early))

    def _clip(self, sigma: float) -> float:
        return min(max(sigma, self._low), self._high)
