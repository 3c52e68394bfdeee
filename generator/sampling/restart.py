"""Restart sampling: arXiv:2306.14878. Heun steps, and now and then back up to more noise and down again."""

from __future__ import annotations

import itertools

from torch import Tensor

from generator.sampling.schedule_types import Sigmas, karras_between
from generator.sampling.solvers import Noise, Solver

_LOW, _HIGH = 0.1, 2.0  # sigmas between which it restarts
_FIRST_WITH_RESTART = 20  # steps


def restart(x: Tensor, sigmas: Sigmas, noise: Noise) -> Solver:
    """Heun's method over `restart_steps(sigmas)`; noise is added wherever the sigma jumps up."""
    last = sigmas[0]
    for sigma, sigma_next in restart_steps(sigmas):
        if sigma > last:
            x = x + noise.normal() * (sigma**2 - last**2) ** 0.5
        denoised = yield x, sigma
        slope = (x - denoised) / sigma
        guess = x + slope * (sigma_next - sigma)
        if sigma_next > 0:
            denoised_2 = yield guess, sigma_next
            guess = x + (slope + (guess - denoised_2) / sigma_next) / 2 * (sigma_next - sigma)
        x, last = guess, sigma_next
    return x


def restart_steps(sigmas: Sigmas) -> list[tuple[float, float]]:
    """The (sigma, next sigma) pairs, restarts included.

    The web UI's rule: from 20 steps on, 9 of them (from 36 on, a quarter, twice) are spent on going from
    about 0.1 back to about 2; the rest follow a Karras schedule between the same ends.
    """
    steps = len(sigmas) - 1
    if steps < _FIRST_WITH_RESTART:
        return list(itertools.pairwise(sigmas))
    spent, times = (9, 1) if steps < 36 else (steps // 4, 2)
    main = karras_between(sigmas[-2] or sigmas[-3], sigmas[0], steps - spent * times)
    low, high = _nearest(main, _LOW), _nearest(main, _HIGH)
    pairs = list(itertools.pairwise(main))
    if not high < low:
        return pairs
    again = karras_between(main[low], main[high], spent + 1)[:-1]
    return pairs[:low] + list(itertools.pairwise(again)) * times + pairs[low:]


def _nearest(sigmas: Sigmas, wanted: float) -> int:
    return min(range(len(sigmas)), key=lambda i: abs(sigmas[i] - wanted))
