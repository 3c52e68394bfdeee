"""One picture's way from noise to latents, one UNet call at a time, whatever sampler walks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from generator.sampling.noise_levels import NoiseLevels
from generator.sampling.solvers import Solver

Keep = Callable[[Tensor], Tensor]
"""What is laid over every guess of the clean latents (inpainting): the guess in, the guess to go on with out."""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """What the UNet is to be asked next for one picture."""

    model_input: Tensor
    """Scaled latents, `(1, channels, height, width)`."""
    timestep: float
    """Training timestep, may lie between two whole ones."""


class Trajectory(Protocol):
    """The state of one picture under one sampler; owned by one sample, shared with nobody.

    Ask `next_call`, run the UNet, give its (guided) raw output to `advance`, until `is_finished`.
    """

    @property
    def total(self) -> int:
        """UNet calls of the whole way."""
        ...

    @property
    def done(self) -> int:
        """UNet calls already answered."""
        ...

    @property
    def is_finished(self) -> bool:
        """Whether no more calls are wanted."""
        ...

    @property
    def latents(self) -> Tensor:
        """Where the picture stands, `(1, channels, height, width)`; the result once finished."""
        ...

    @property
    def denoised(self) -> Tensor:
        """The latest guess of the finished latents, for previews; the latents before the first call."""
        ...

    def next_call(self) -> ModelCall:
        """The next UNet call; the same until `advance`."""
        ...

    @property
    def reads_negative(self) -> bool:
        """Whether `advance` needs the negative prompt's own output too (CFG++)."""
        ...

    def advance(self, output: Tensor, negative: Tensor | None = None) -> None:
        """Take the UNet's (guided) raw output for the last `next_call`, and the negative prompt's if it is read."""
        ...


class SolverTrajectory:
    """A coroutine of `generator.sampling.solvers` at work on one picture."""

    def __init__(
        self,
        solver: Solver,
        levels: NoiseLevels,
        total: int,
        keep: Keep | None = None,
        *,
        reads_negative: bool = False,
    ) -> None:
        """`total` is `count_calls` of the same sampler and sigmas; a guess for one that chooses its steps itself."""
        self.reads_negative = reads_negative
        self._solver = solver
        self._keep = keep
        self._levels = levels
        self._total = total
        self._done = 0
        self._x, self._sigma = next(solver)
        self._denoised: Tensor | None = None
        self._is_finished = False

    @property
    def total(self) -> int:
        """UNet calls of the whole way."""
        return self._done if self._is_finished else max(self._total, self._done + 1)

    @property
    def done(self) -> int:
        """UNet calls already answered."""
        return self._done

    @property
    def is_finished(self) -> bool:
        """Whether the solver has returned."""
        return self._is_finished

    @property
    def latents(self) -> Tensor:
        """The point last asked about; the result once finished."""
        return self._x

    @property
    def denoised(self) -> Tensor:
        """The latest guess of the clean latents."""
        return self._x if self._denoised is None else self._denoised

    def next_call(self) -> ModelCall:
        """The next UNet call; the same until `advance`."""
        return ModelCall(self._levels.model_input(self._x, self._sigma), self._levels.timestep(self._sigma))

    def advance(self, output: Tensor, negative: Tensor | None = None) -> None:
        """Turn the output into a guess and let the solver go on to its next question."""
        denoised = self._levels.denoised(self._x, output, self._sigma)
        self._denoised = guess = denoised if self._keep is None else self._keep(denoised)
        if self.reads_negative and negative is not None:
            guess = torch.cat([guess, self._levels.denoised(self._x, negative, self._sigma)])
        self._done += 1
        try:
            self._x, self._sigma = self._solver.send(guess)
        except StopIteration as finished:
            self._x = finished.value if self._keep is None else self._keep(finished.value)
            self._is_finished = True


class _Silence:
    """Noise for counting: the draws do not matter."""

    eta = 1.0

    def normal(self) -> Tensor:
        return torch.zeros(())

    def brownian(self, sigma: float, sigma_next: float) -> Tensor:
        del sigma, sigma_next
        return torch.zeros(())


def silence() -> _Silence:
    """Noise that is always 0, for `count_calls`."""
    return _Silence()


def count_calls(solver: Solver) -> int:
    """UNet calls a solver will make, found by walking it on scalars."""
    calls = 0
    try:
        point, _ = next(solver)
        while True:
            calls += 1
            point, _ = solver.send(torch.zeros_like(point))
    except StopIteration:
        return calls
