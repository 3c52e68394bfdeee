"""UniPC, walked by a fresh diffusers noise scheduler.

diffusers' noise schedulers keep their step index and history on themselves, so every picture gets an
object of its own. The other samplers are coroutines (`generator.sampling.solvers`): diffusers lacks
some of them, and drops schedule types it does not know without a word.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from generator.sampling.noise import SampleNoise
from generator.sampling.noise_levels import NoiseLevels
from generator.sampling.trajectory import Keep, ModelCall
from prompts.torch_guard import ensure_torchvision

_ARGUMENTS: Mapping[str, tuple[str, Mapping[str, object]]] = MappingProxyType(
    {"UniPC": ("UniPCMultistepScheduler", {"solver_order": 3, "timestep_spacing": "linspace"})}
)

DIFFUSERS_SAMPLERS = tuple(_ARGUMENTS)
"""A1111 names of the samplers that this file serves."""


def make_noise_scheduler(sampler: str, levels: NoiseLevels, steps: int, *, use_karras: bool = False) -> Any:
    """A fresh diffusers noise scheduler with its timesteps set.

    Args:
        sampler: One of `DIFFUSERS_SAMPLERS`.
        levels: The checkpoint's noise levels; its betas are handed over exactly.
        steps: Steps of the whole schedule.
        use_karras: Karras sigmas.
    """
    ensure_torchvision()
    import diffusers  # noqa: PLC0415 - heavy, and only these samplers need it

    class_name, arguments = _ARGUMENTS[sampler]
    scheduler = getattr(diffusers, class_name)(
        trained_betas=_betas(levels).numpy(),
        num_train_timesteps=len(levels.sigmas),
        prediction_type=levels.prediction,
        **arguments,
        use_karras_sigmas=use_karras,
    )
    with warnings.catch_warnings():
        # diffusers 0.42 hands a tensor to numpy in a way that numpy 2 deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        scheduler.set_timesteps(steps, device="cpu")
    return scheduler


def _betas(levels: NoiseLevels) -> Tensor:
    """The betas whose running product gives these levels."""
    alphas_bar = 1.0 / (1.0 + torch.tensor(levels.sigmas, dtype=torch.float64).square())
    previous = torch.cat([torch.ones(1, dtype=torch.float64), alphas_bar[:-1]])
    return (1.0 - alphas_bar / previous).float()


@dataclass
class _Walk:
    """The noise scheduler with the timesteps still to go."""

    scheduler: Any
    timesteps: list[Tensor]
    start: int


class NoiseSchedulerTrajectory:
    """One picture under its own diffusers noise scheduler."""

    reads_negative = False

    def __init__(self, walk: _Walk, latents: Tensor, levels: NoiseLevels, keep: Keep | None = None) -> None:
        """`latents` are already at the first timestep's noise level, in the noise scheduler's own scale."""
        self._walk = walk
        self._latents = latents
        self._levels = levels
        self._keep = keep
        self._done = 0
        self._denoised: Tensor | None = None

    @classmethod
    def from_noise(cls, scheduler: Any, levels: NoiseLevels, noise: SampleNoise) -> NoiseSchedulerTrajectory:
        """Start at pure noise (the noise object's next draw)."""
        walk = _Walk(scheduler, list(scheduler.timesteps), 0)
        return cls(walk, noise.normal() * float(scheduler.init_noise_sigma), levels)

    @classmethod
    def from_latents(
        cls,
        scheduler: Any,
        levels: NoiseLevels,
        noise: SampleNoise,
        clean: Tensor,
        steps: int,
        keep: Keep | None = None,
    ) -> NoiseSchedulerTrajectory:
        """Start from clean latents noised for the last `steps` steps of the schedule (img2img, hires)."""
        start = max(len(scheduler.timesteps) - steps, 0)
        timesteps = list(scheduler.timesteps)[start:]
        scheduler.set_begin_index(start)
        noised = scheduler.add_noise(clean, noise.normal(), timesteps[0].reshape(1))
        return cls(_Walk(scheduler, timesteps, start), noised, levels, keep)

    @property
    def total(self) -> int:
        """UNet calls of the whole way."""
        return len(self._walk.timesteps)

    @property
    def done(self) -> int:
        """UNet calls already answered."""
        return self._done

    @property
    def is_finished(self) -> bool:
        """Whether the last timestep is done."""
        return self._done == self.total

    @property
    def latents(self) -> Tensor:
        """Where the picture stands; the result once finished."""
        return self._latents

    @property
    def denoised(self) -> Tensor:
        """The latest guess of the clean latents."""
        return self._latents if self._denoised is None else self._denoised

    def next_call(self) -> ModelCall:
        """The next UNet call; the same until `advance`."""
        timestep = self._walk.timesteps[self._done]
        return ModelCall(self._latents, float(timestep))

    def advance(self, output: Tensor, negative: Tensor | None = None) -> None:
        """Let the noise scheduler take its step."""
        del negative
        timestep = self._walk.timesteps[self._done]
        sigma = self._levels.sigma(float(timestep))
        exploding = self._latents * math.sqrt(1.0 + sigma * sigma)
        self._denoised = self._levels.denoised(exploding, output, sigma)
        if self._keep is not None:
            self._denoised = self._keep(self._denoised)
            output = self._levels.output(exploding, self._denoised, sigma)
        self._latents = self._walk.scheduler.step(output, timestep, self._latents, return_dict=False)[0]
        self._done += 1
        if self._keep is not None and self.is_finished:
            self._latents = self._keep(self._latents)
