"""DPM-Solver-fast: arXiv:2206.00927, appendix D.3, with ancestral noise between its steps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator

from torch import Tensor

from generator.sampling.schedule_types import Sigmas, linspace
from generator.sampling.solvers import Noise, Solver, ancestral_step

_Step = Generator[tuple[Tensor, float], Tensor, Tensor]


def dpm_fast(x: Tensor, sigmas: Sigmas, noise: Noise) -> Solver:
    """Steps of order 3, 2 or 1 so that the calls add up to the steps asked for.

    Of `sigmas` only the ends and the number count: it spaces its steps evenly in log sigma by itself and
    ends at the smallest positive one. The web UI gives it eta 1 like the ancestral samplers.
    """
    smallest = min(s for s in sigmas if s > 0)
    orders = step_orders(len(sigmas) - 1)
    logs = linspace(-math.log(sigmas[0]), -math.log(smallest), len(orders) + 1)
    for order, (t, t_next) in zip(orders, itertools.pairwise(logs), strict=True):
        down, _ = ancestral_step(math.exp(-t), math.exp(-t_next), noise.eta)
        t_down = min(-math.log(smallest), -math.log(down)) if down > 0 else -math.log(smallest)
        up = math.sqrt(max(math.exp(-t_next) ** 2 - math.exp(-t_down) ** 2, 0.0))
        x = yield from _step(x, t, t_down, order)
        x = x + noise.normal() * up
    return x


def step_orders(calls: int) -> list[int]:
    """Orders of the steps that use exactly `calls` model calls."""
    whole, rest = divmod(calls, 3)
    if rest == 0:
        return [3] * (whole - 1) + [2, 1]
    return [3] * whole + [rest]


def _step(x: Tensor, t: float, t_next: float, order: int) -> _Step:
    """One DPM-Solver step in t = -log sigma."""
    h = t_next - t
    slope = yield from _slope(x, t)
    straight = x - math.exp(-t_next) * math.expm1(h) * slope
    if order == 1:
        return straight
    r = 1 / 2 if order == 2 else 1 / 3
    inner = x - math.exp(-(t + r * h)) * math.expm1(r * h) * slope
    slope_1 = yield from _slope(inner, t + r * h)
    if order == 2:
        return straight - math.exp(-t_next) / (2 * r) * math.expm1(h) * (slope_1 - slope)
    s = t + 2 / 3 * h
    bend = math.expm1(2 / 3 * h) / (2 / 3 * h) - 1
    inner = x - math.exp(-s) * (math.expm1(2 / 3 * h) * slope + 2 * bend * (slope_1 - slope))
    slope_2 = yield from _slope(inner, s)
    return straight - math.exp(-t_next) * 1.5 * (math.expm1(h) / h - 1) * (slope_2 - slope)


def _slope(x: Tensor, t: float) -> _Step:
    sigma = math.exp(-t)
    denoised = yield x, sigma
    return (x - denoised) / sigma
