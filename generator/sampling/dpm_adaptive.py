"""DPM-Solver-23 with step sizes of its own choice: arXiv:2206.00927, appendix C, with ancestral noise."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from generator.errors import GeneratorError
from generator.sampling.schedule_types import Sigmas
from generator.sampling.solvers import Noise, Solver, ancestral_step

TYPICAL_CALLS = 75
"""What it takes on most pictures; it cannot be known before."""
_MOST_CALLS = 3000
_FIRST_STEP = 0.05  # in t = -log sigma
_RELATIVE, _ABSOLUTE = 0.05, 0.0078  # tolerances
_SAFETY = 0.81
_CLOSE = 1e-5

_Pair = Generator[tuple[Tensor, float], Tensor, tuple[Tensor, Tensor]]


def dpm_adaptive(x: Tensor, sigmas: Sigmas, noise: Noise) -> Solver:
    """Steps of second and third order side by side; their difference decides how far the next one goes.

    Of `sigmas` only the ends count: it goes from the first to the smallest positive one. A step that went wrong is
    taken again, shorter.

    Raises:
        GeneratorError: After 3000 calls: the network's answers jump.
    """
    end = -math.log(min(s for s in sigmas if s > 0))
    t, before = -math.log(sigmas[0]), x
    if end - t < _CLOSE:  # a schedule of one step has one sigma
        return (yield x, sigmas[0])
    control = _StepControl(_FIRST_STEP, order=1.5 if noise.eta else 3.0)
    calls = 0
    while t < end - _CLOSE:
        t_next = min(end, t + control.step)
        down, _ = ancestral_step(math.exp(-t), math.exp(-t_next), noise.eta)
        t_down = min(end, -math.log(down)) if down > 0 else end
        low, high = yield from _both_orders(x, t, t_down)
        calls += 3
        if calls > _MOST_CALLS:
            raise GeneratorError(
                "DPM adaptive finds no way through this picture; take another sampler, such as DPM++ 2M."
            )
        scale = torch.clamp(_RELATIVE * torch.maximum(low.abs(), before.abs()), min=_ABSOLUTE)
        error = float(torch.linalg.vector_norm((low - high) / scale)) / x.numel() ** 0.5
        if control.accepts(error):
            up = math.sqrt(max(math.exp(-t_next) ** 2 - math.exp(-t_down) ** 2, 0.0))
            x, before, t = high + noise.normal() * up, low, t_next
    return x


@dataclass
class _StepControl:
    """The integral part of a PID controller over the step size."""

    step: float
    order: float

    def accepts(self, error: float) -> bool:
        """Whether a step with this error counts; sets the next step size."""
        wanted = (1.0 / (error + 1e-8)) ** (1.0 / self.order)
        factor = 1.0 + math.atan(wanted - 1.0)
        self.step *= factor
        return factor >= _SAFETY


def _both_orders(x: Tensor, t: float, t_next: float) -> _Pair:
    """The second- and the third-order step in t = -log sigma, from the same three slopes."""
    h, down = t_next - t, math.exp(-t_next)
    slope = yield from _slope(x, t)
    straight = x - down * math.expm1(h) * slope
    s = t + h / 3
    slope_1 = yield from _slope(x - math.exp(-s) * math.expm1(h / 3) * slope, s)
    low = straight - down * 1.5 * math.expm1(h) * (slope_1 - slope)
    s = t + 2 / 3 * h
    bend = 2 * (math.expm1(2 / 3 * h) / (2 / 3 * h) - 1)
    inner = x - math.exp(-s) * (math.expm1(2 / 3 * h) * slope + bend * (slope_1 - slope))
    slope_2 = yield from _slope(inner, s)
    return low, straight - down * 1.5 * (math.expm1(h) / h - 1) * (slope_2 - slope)


def _slope(x: Tensor, t: float) -> Generator[tuple[Tensor, float], Tensor, Tensor]:
    sigma = math.exp(-t)
    denoised = yield x, sigma
    return (x - denoised) / sigma
