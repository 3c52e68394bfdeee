"""DDIM, PLMS and LCM as the web UI walks them: over timesteps of their own, in coroutines like `solvers`.

DDIM and PLMS are written here in the variance-exploding scale, where a DDIM step without noise is an Euler step.
They keep the web UI's habits, so that its parameters reproduce: n steps mean the timesteps
1, 1 + s, 1 + 2s, … with s = 1000 // n, walked from the last down to timestep 1, not to 0.
"""

from __future__ import annotations

import itertools
import math
from collections import deque

from torch import Tensor

from generator.sampling.noise_levels import NoiseLevels
from generator.sampling.schedule_types import Sigmas, linspace
from generator.sampling.solvers import Noise, Solver

_ADAMS_BASHFORTH = ((1.0,), (1.5, -0.5), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))


def timestep_sigmas(levels: NoiseLevels, steps: int) -> Sigmas:
    """The sigmas both walk, falling; at least two."""
    last = len(levels.sigmas) - 1
    timesteps = [min(t + 1, last) for t in range(0, last + 1, max((last + 1) // steps, 1))]
    if len(timesteps) == 1:  # the web UI cannot do one step; here it is one step over everything
        timesteps = [timesteps[0], last]
    return tuple(levels.sigmas[t] for t in reversed(timesteps))


def start_scale(sigma: float) -> float:
    """What unit noise is multiplied by: these samplers start with variance 1 in their own scale."""
    return math.sqrt(1.0 + sigma * sigma)


def ddim(x: Tensor, sigmas: Sigmas, noise: Noise) -> Solver:
    """DDIM with eta 0: arXiv:2010.02502, eq. 12."""
    del noise
    for sigma, sigma_next in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        x = x + (x - denoised) / sigma * (sigma_next - sigma)
    return x / start_scale(sigmas[-1])


CFG_PLUS_PLUS_SHARE = 1 / 12.5
"""CFG++ reads a CFG scale of 0 to 12.5 as 0 to 1."""


def ddim_cfg_plus_plus(x: Tensor, sigmas: Sigmas, noise: Noise) -> Solver:
    """DDIM with CFG++: arXiv:2406.08070, algorithm 2. The way on is that of the negative prompt's noise.

    It is sent two guesses, one behind the other: the guided one, and the negative prompt's.
    """
    del noise
    for sigma, sigma_next in itertools.pairwise(sigmas):
        guesses = yield x, sigma
        denoised, negative = (guesses, guesses) if guesses.dim() == 0 else (guesses[:1], guesses[1:])
        x = denoised + (x - negative) / sigma * sigma_next
    return x / start_scale(sigmas[-1])


def plms(x: Tensor, sigmas: Sigmas, noise: Noise) -> Solver:
    """Pseudo linear multistep: arXiv:2202.09778, eq. 12, with one improved Euler step to begin."""
    del noise
    slopes: deque[Tensor] = deque(maxlen=4)
    for sigma, sigma_next in itertools.pairwise(sigmas):
        denoised = yield x, sigma
        slopes.appendleft((x - denoised) / sigma)
        if len(slopes) == 1:
            guess = x + slopes[0] * (sigma_next - sigma)
            denoised_2 = yield guess, sigma_next
            blend = (slopes[0] + (guess - denoised_2) / sigma_next) / 2
        else:
            weights = _ADAMS_BASHFORTH[len(slopes) - 1]
            blend = sum((w * s for w, s in zip(weights[1:], list(slopes)[1:], strict=True)), weights[0] * slopes[0])
        x = x + blend * (sigma_next - sigma)
    return x / start_scale(sigmas[-1])


_LCM_STRIDE = 20  # LCM checkpoints are distilled for every 20th timestep: 19, 39, …, 999


def lcm_sigmas(levels: NoiseLevels, steps: int) -> Sigmas:
    """Evenly spaced over the timesteps that LCM checkpoints are distilled for, then 0."""
    known = levels.sigmas[_LCM_STRIDE - 1 :: _LCM_STRIDE]
    sparse = NoiseLevels(known, levels.prediction)
    return (*(sparse.sigma(place) for place in linspace(len(known) - 1, 0, steps)), 0.0)


def lcm(x: Tensor, sigmas: Sigmas, noise: Noise) -> Solver:
    """Latent consistency: arXiv:2310.04378, algorithm 3. Each guess is taken whole and noised again.

    The paper's boundary terms (c_skip, c_out) are within 1e-5 of 0 and 1 at these timesteps and left out.
    """
    for sigma, sigma_next in itertools.pairwise(sigmas):
        x = yield x, sigma
        if sigma_next > 0:
            x = x + noise.normal() * sigma_next
    return x
