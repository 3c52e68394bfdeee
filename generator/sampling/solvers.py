"""Samplers by A1111's names, written as coroutines that ask for one UNet call at a time.

A solver yields `(x, sigma)` whenever it needs the clean latents guessed at that point, is sent the
guess, and returns the final latents. So a second-order solver simply asks twice, keeps its history in
its own local variables, and nothing of it can be shared between pictures. The maths is that of
k-diffusion's `sample_*` functions (papers named at each); `x` is `(1, channels, height, width)` and
`sigmas` fall.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Iterator
from typing import Protocol

import torch
from torch import Tensor

from generator.sampling.schedule_types import Sigmas

Solver = Generator[tuple[Tensor, float], Tensor, Tensor]
"""Yields a point, is sent the denoised latents there, returns the last latents."""


class Noise(Protocol):
    """What a stochastic solver draws from; `generator.sampling.noise.SampleNoise` is the real one."""

    @property
    def eta(self) -> float:
        """How much fresh noise to add: 1 is the sampler's own, 0 none."""
        ...

    def normal(self) -> Tensor:
        """The next standard normal draw, shaped like `x`."""
        ...

    def brownian(self, sigma: float, sigma_next: float) -> Tensor:
        """Unit-variance increment of the picture's Brownian path between two sigmas."""
        ...


def euler(x: Tensor, sigmas: Sigmas, noise: Noise) -> Solver:
    """Euler steps along the probability-flow ODE: arXiv:2206.00364, algorithm 1 without the second half."""
    del noise
    for sigma, sigma_next in _pairs(sigmas):
        denoised = yield x, sigma
        x = _to(x, denoised, sigma, sigma_next)
    return x


def euler_ancestral(x: Tensor, sigmas: Sigmas, noise: Noise) -> Solver:
    """Euler down to a lower sigma, then noise back up to the next one."""
    for sigma, sigma_next in _pairs(sigmas):
        denoised = yield x, sigma
        down, up = ancestral_step(sigma, sigma_next, noise.eta)
        x = _to(x, denoised, sigma, down)
        if sigma_next > 0:
            x = x + noise.normal() * up
    return x


def heun(x: Tensor, sigmas: Sigmas, noise: Noise) -> Solver:
    """Euler step corrected by the slope at its end: arXiv:2206.00364, algorithm 1."""
    del noise
    for sigma, sigma_next in _pairs(sigmas):
        denoised = yield x, sigma
        guess = _to(x, denoised, sigma, sigma_next)
        if sigma_next > 0:
            denoised_2 = yield guess, sigma_next
            slope = (_slope(x, denoised, sigma) + _slope(guess, denoised_2, sigma_next)) / 2
            guess = x + slope * (sigma_next - sigma)
        x = guess
    return x


def dpm_2(x: Tensor, sigmas: Sigmas, noise: Noise) -> Solver:
    """Midpoint (in log sigma) steps in the manner of DPM-Solver-2: arXiv:2206.00927."""
    del noise
    for sigma, sigma_next in _pairs(sigmas):
        denoised = yield x, sigma
        if sigma_next == 0:
            x = _to(x, denoised, sigma, sigma_next)
            continue
        middle = math.sqrt(sigma * sigma_next)
        x_2 = _to(x, denoised, sigma, middle)
        denoised_2 = yield x_2, middle
        x = x + _slope(x_2, denoised_2, middle) * (sigma_next - sigma)
    return x


def dpm_2_ancestral(x: Tensor, sigmas: Sigmas, noise: Noise) -> Solver:
    """`dpm_2` down to a lower sigma, then noise back up."""
    for sigma, sigma_next in _pairs(sigmas):
        denoised = yield x, sigma
        down, up = ancestral_step(sigma, sigma_next, noise.eta)
        if down == 0:
            x = _to(x, denoised, sigma, down)
            continue
        middle = math.sqrt(sigma * down)
        x_2 = _to(x, denoised, sigma, middle)
        denoised_2 = yield x_2, middle
        x = x + _slope(x_2, denoised_2, middle) * (down - sigma) + noise.normal() * up
    return x


def lms(x: Tensor, sigmas: Sigmas, noise: Noise, order: int = 4) -> Solver:
    """Linear multistep (Adams-Bashforth with uneven steps) up to fourth order."""
    del noise
    slopes: list[Tensor] = []
    for i, (sigma, _) in enumerate(_pairs(sigmas)):
        denoised = yield x, sigma
        slopes = [_slope(x, denoised, sigma), *slopes[: order - 1]]
        weights = _multistep_weights(sigmas, i, len(slopes))
        x = x + sum((w * d for w, d in zip(weights, slopes, strict=True)), torch.zeros_like(x))
    return x


def dpmpp_2m(x: Tensor, sigmas: Sigmas, noise: Noise) -> Solver:
    """DPM-Solver++(2M): arXiv:2211.01095, algorithm 2."""
    del noise
    previous: Tensor | None = None
    h_last = 0.0
    for sigma, sigma_next in _pairs(sigmas):
        denoised = yield x, sigma
        h = _log_gap(sigma, sigma_next)
        blend = denoised
        if previous is not None and sigma_next > 0:
            half_ratio = h / (2 * h_last)
            blend = (1 + half_ratio) * denoised - half_ratio * previous
        x = (sigma_next / sigma) * x - math.expm1(-h) * blend
        previous, h_last = denoised, h
    return x


def dpmpp_2s_ancestral(x: Tensor, sigmas: Sigmas, noise: Noise) -> Solver:
    """DPM-Solver++(2S) with ancestral noise: arXiv:2211.01095, algorithm 1 with r = 1/2."""
    for sigma, sigma_next in _pairs(sigmas):
        denoised = yield x, sigma
        down, up = ancestral_step(sigma, sigma_next, noise.eta)
        if down == 0:
            x = _to(x, denoised, sigma, down)
        else:
            middle = math.sqrt(sigma * down)
            x_2 = _exponential_step(x, denoised, sigma, middle)
            denoised_2 = yield x_2, middle
            x = _exponential_step(x, denoised_2, sigma, down)
        if sigma_next > 0:
            x = x + noise.normal() * up
    return x


def dpmpp_sde(x: Tensor, sigmas: Sigmas, noise: Noise) -> Solver:
    """DPM-Solver++ (stochastic), r = 1/2, noise from the picture's Brownian path."""
    for sigma, sigma_next in _pairs(sigmas):
        denoised = yield x, sigma
        if sigma_next == 0:
            x = _to(x, denoised, sigma, sigma_next)
            continue
        middle = math.sqrt(sigma * sigma_next)
        down, up = ancestral_step(sigma, middle, noise.eta)
        x_2 = _exponential_step(x, denoised, sigma, down) + noise.brownian(sigma, middle) * up
        denoised_2 = yield x_2, middle
        down, up = ancestral_step(sigma, sigma_next, noise.eta)
        # r = 1/2 makes the weight of the first guess 1 - 1/(2r) = 0.
        x = _exponential_step(x, denoised_2, sigma, down) + noise.brownian(sigma, sigma_next) * up
    return x


def dpmpp_2m_sde(x: Tensor, sigmas: Sigmas, noise: Noise) -> Solver:
    """DPM-Solver++(2M) SDE, midpoint form."""
    return (yield from _dpmpp_2m_sde(x, sigmas, noise, use_heun=False))


def dpmpp_2m_sde_heun(x: Tensor, sigmas: Sigmas, noise: Noise) -> Solver:
    """DPM-Solver++(2M) SDE, Heun form."""
    return (yield from _dpmpp_2m_sde(x, sigmas, noise, use_heun=True))


def _dpmpp_2m_sde(x: Tensor, sigmas: Sigmas, noise: Noise, *, use_heun: bool) -> Solver:
    previous: Tensor | None = None
    h_last = 0.0
    for sigma, sigma_next in _pairs(sigmas):
        denoised = yield x, sigma
        if sigma_next == 0:
            x = denoised
            continue
        h = _log_gap(sigma, sigma_next)
        span = (1 + noise.eta) * h
        decay = -math.expm1(-span)
        x = math.exp(-span) * x + decay * denoised
        if previous is not None:
            slope = (denoised - previous) * (h / h_last)
            x = x + (1 - decay / span if use_heun else decay / 2) * slope
        if noise.eta:
            x = x + noise.brownian(sigma, sigma_next) * (sigma_next * math.sqrt(-math.expm1(-2 * noise.eta * h)))
        previous, h_last = denoised, h
    return x


def dpmpp_3m_sde(x: Tensor, sigmas: Sigmas, noise: Noise) -> Solver:
    """DPM-Solver++(3M) SDE: third-order multistep with Brownian noise."""
    past: list[tuple[Tensor, float]] = []
    for sigma, sigma_next in _pairs(sigmas):
        denoised = yield x, sigma
        if sigma_next == 0:
            x = denoised
            continue
        h = _log_gap(sigma, sigma_next)
        span = (1 + noise.eta) * h
        x = math.exp(-span) * x - math.expm1(-span) * denoised + _third_order_terms(denoised, h, span, past)
        if noise.eta:
            x = x + noise.brownian(sigma, sigma_next) * (sigma_next * math.sqrt(-math.expm1(-2 * noise.eta * h)))
        past = [(denoised, h), *past[:1]]
    return x


def _third_order_terms(denoised: Tensor, h: float, span: float, past: list[tuple[Tensor, float]]) -> Tensor:
    """The correction from the last one or two guesses; 0 on the first step."""
    if not past:
        return torch.zeros_like(denoised)
    phi_2 = math.expm1(-span) / span + 1
    (denoised_1, h_1) = past[0]
    r_0 = h_1 / h
    first = (denoised - denoised_1) / r_0
    if len(past) == 1:
        return phi_2 * first
    (denoised_2, h_2) = past[1]
    r_1 = h_2 / h
    second = (denoised_1 - denoised_2) / r_1
    phi_3 = phi_2 / span - 0.5
    bend = (first - second) / (r_0 + r_1)
    return phi_2 * (first + bend * r_0) - phi_3 * bend


def ancestral_step(sigma: float, sigma_next: float, eta: float = 1.0) -> tuple[float, float]:
    """(sigma to step down to, noise to add after) so that both together land on `sigma_next`."""
    up = min(sigma_next, eta * sigma_next * math.sqrt(max(sigma**2 - sigma_next**2, 0.0)) / sigma)
    return math.sqrt(max(sigma_next**2 - up**2, 0.0)), up


def _pairs(sigmas: Sigmas) -> Iterator[tuple[float, float]]:
    return itertools.pairwise(sigmas)


def _slope(x: Tensor, denoised: Tensor, sigma: float) -> Tensor:
    """dx/dsigma of the probability-flow ODE."""
    return (x - denoised) / sigma


def _to(x: Tensor, denoised: Tensor, sigma: float, sigma_next: float) -> Tensor:
    """An Euler step."""
    return x + _slope(x, denoised, sigma) * (sigma_next - sigma)


def _log_gap(sigma: float, sigma_next: float) -> float:
    """How far log(1/sigma) moves; infinite at the last step to 0."""
    return math.log(sigma / sigma_next) if sigma_next > 0 else math.inf


def _exponential_step(x: Tensor, denoised: Tensor, sigma: float, sigma_next: float) -> Tensor:
    """The exact solution when the denoised latents do not change on the way."""
    ratio = sigma_next / sigma
    return ratio * x + (1 - ratio) * denoised


def _multistep_weights(sigmas: Sigmas, i: int, order: int) -> list[float]:
    """Integral over the step of each Lagrange basis polynomial through the last `order` sigmas.

    The polynomials have degree <= 3, so two-point Gauss-Legendre quadrature is exact.
    """
    start, end = sigmas[i], sigmas[i + 1]
    middle, half = (start + end) / 2, (end - start) / 2
    points = (middle - half / math.sqrt(3), middle + half / math.sqrt(3))
    nodes = [sigmas[i - k] for k in range(order)]
    return [half * sum(_lagrange(nodes, j, point) for point in points) for j in range(order)]


def _lagrange(nodes: list[float], j: int, point: float) -> float:
    value = 1.0
    for k, node in enumerate(nodes):
        if k != j:
            value *= (point - node) / (nodes[j] - node)
    return value
