"""The noise levels a checkpoint was trained on, and what its output means at each of them."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

_ZERO_TERMINAL_ALPHA = 2.0**-24
"""Stands for an alpha-bar of exactly 0, whose sigma would be infinite (the value diffusers uses too)."""


@dataclass(frozen=True)
class NoiseLevels:
    """Sigmas by training timestep, in the variance-exploding scale of k-diffusion (arXiv:2206.00364).

    There, a noisy latent is `x = x0 + sigma * noise`, whatever the network was trained on; `model_input`
    and `denoised` translate. Plain floats, so that the solvers' arithmetic never waits for a device.
    """

    sigmas: tuple[float, ...]
    """Rising, one per training timestep; SD1.5: 1000 values from 0.0292 to 14.61."""
    prediction: str = "epsilon"
    """What the network predicts: `epsilon` (the noise), `v_prediction` or `sample`."""

    @classmethod
    def from_betas(
        cls, betas: Tensor, prediction: str = "epsilon", *, rescale_zero_terminal_snr: bool = False
    ) -> NoiseLevels:
        """Levels of a variance-preserving process with these betas (shape `(timesteps,)`).

        `rescale_zero_terminal_snr` shifts and scales the alphas so that the last one is (almost) 0:
        arXiv:2305.08891, algorithm 1.
        """
        alphas_bar = torch.cumprod(1.0 - betas.double(), dim=0)
        if rescale_zero_terminal_snr:
            root = alphas_bar.sqrt()
            root = (root - root[-1]) * root[0] / (root[0] - root[-1])
            alphas_bar = root.square().clamp(min=_ZERO_TERMINAL_ALPHA)
        return cls(tuple(((1.0 - alphas_bar) / alphas_bar).sqrt().tolist()), prediction)

    @cached_property
    def _log_sigmas(self) -> tuple[float, ...]:
        return tuple(math.log(s) for s in self.sigmas)

    @property
    def smallest(self) -> float:
        """The sigma of timestep 0."""
        return self.sigmas[0]

    @property
    def largest(self) -> float:
        """The sigma of the last training timestep."""
        return self.sigmas[-1]

    def timestep(self, sigma: float) -> float:
        """The (fractional) timestep of a sigma > 0: linear in log sigma, held at both ends."""
        logs, wanted = self._log_sigmas, math.log(sigma)
        low = min(max(bisect_right(logs, wanted) - 1, 0), len(logs) - 2)
        weight = (logs[low] - wanted) / (logs[low] - logs[low + 1])
        return low + min(max(weight, 0.0), 1.0)

    def sigma(self, timestep: float) -> float:
        """The sigma of a (fractional) timestep: linear in log sigma."""
        low = min(int(timestep), len(self.sigmas) - 2)
        weight = timestep - low
        return math.exp((1.0 - weight) * self._log_sigmas[low] + weight * self._log_sigmas[low + 1])

    def model_input(self, x: Tensor, sigma: float) -> Tensor:
        """`x` scaled to the variance the network saw in training."""
        return x / math.sqrt(sigma * sigma + 1.0)

    def denoised(self, x: Tensor, output: Tensor, sigma: float) -> Tensor:
        """The network's guess of the clean latents, from its raw `output` at `x`."""
        if self.prediction == "epsilon":
            return x - sigma * output
        if self.prediction == "v_prediction":
            variance = sigma * sigma + 1.0
            return x / variance - output * (sigma / math.sqrt(variance))
        return output

    def output(self, x: Tensor, denoised: Tensor, sigma: float) -> Tensor:
        """The raw output that would have meant this guess: the inverse of `denoised`."""
        if self.prediction == "epsilon":
            return (x - denoised) / sigma
        if self.prediction == "v_prediction":
            variance = sigma * sigma + 1.0
            return (x / variance - denoised) * (math.sqrt(variance) / sigma)
        return denoised
