"""Schedule types by A1111's names: how the steps are spread over the noise levels.

Each function takes the checkpoint's levels and the number of steps and gives falling sigmas that end
in 0 (unless stated), as k-diffusion's `get_sigmas_*` do. Adding one is a function and a line in `_TABLE`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from generator.errors import UnsupportedSpell
from generator.sampling.noise_levels import NoiseLevels
from prompts.vocabulary import sampler_named

Sigmas = tuple[float, ...]
_BETA_POINTS = 1 << 15


def sigmas_for(schedule_type: str, levels: NoiseLevels, steps: int) -> Sigmas:
    """Falling sigmas of a schedule type by its A1111 label.

    Args:
        schedule_type: A label of `prompts.vocabulary.SCHEDULE_TYPES`, not `Automatic`
            (see `concrete_schedule_type`).
        levels: The checkpoint's noise levels.
        steps: At least 1.

    Returns:
        `steps + 1` floats, the last one usually 0 (`DDIM` may give a few more, as in the web UI).

    Raises:
        UnsupportedSpell: The label is not in the table.
    """
    if schedule_type not in _TABLE:
        raise UnsupportedSpell(
            f"The schedule type {schedule_type!r} is not supported here; Karras and Uniform are.",
            field="schedule_type",
            got=schedule_type,
            near=["Karras", "Uniform"],
        )
    return _TABLE[schedule_type](levels, steps)


def concrete_schedule_type(sampler: str, schedule_type: str) -> str:
    """`Automatic` replaced by the sampler's own schedule type; any other label unchanged."""
    return sampler_named(sampler).automatic if schedule_type == "Automatic" else schedule_type


def linspace(first: float, last: float, count: int) -> list[float]:
    """`count` evenly spaced floats from `first` to `last`; just `first` for one."""
    if count == 1:
        return [first]
    return [first + (last - first) * i / (count - 1) for i in range(count)]


def uniform(levels: NoiseLevels, steps: int) -> Sigmas:
    """Evenly spaced in training timesteps, both ends included (k-diffusion's `get_sigmas`)."""
    last = len(levels.sigmas) - 1
    return (*(levels.sigma(t) for t in linspace(last, 0, steps)), 0.0)


def karras(levels: NoiseLevels, steps: int, rho: float = 7.0) -> Sigmas:
    """Evenly spaced in the `rho`-th root of sigma: arXiv:2206.00364, eq. 5."""
    return karras_between(levels.smallest, levels.largest, steps, rho)


def karras_between(smallest: float, largest: float, steps: int, rho: float = 7.0) -> Sigmas:
    """`karras` between any two sigmas."""
    low, high = smallest ** (1 / rho), largest ** (1 / rho)
    return (*(root**rho for root in linspace(high, low, steps)), 0.0)


def exponential(levels: NoiseLevels, steps: int) -> Sigmas:
    """Evenly spaced in log sigma."""
    return (*(math.exp(s) for s in linspace(math.log(levels.largest), math.log(levels.smallest), steps)), 0.0)


def sgm_uniform(levels: NoiseLevels, steps: int) -> Sigmas:
    """Evenly spaced in timesteps, the last one left out (the spacing of Stability's own code)."""
    last = len(levels.sigmas) - 1
    return (*(levels.sigma(t) for t in linspace(last, 0, steps + 1)[:-1]), 0.0)


def kl_optimal(levels: NoiseLevels, steps: int) -> Sigmas:
    """Evenly spaced in arctan(sigma): arXiv:2404.14507, eq. 14.

    As in the web UI it ends at the smallest trained sigma, not at 0.
    """
    low, high = math.atan(levels.smallest), math.atan(levels.largest)
    return tuple(math.tan(a) for a in linspace(high, low, steps + 1))


_ALIGN_YOUR_STEPS_SD15 = (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029)


def align_your_steps(levels: NoiseLevels, steps: int) -> Sigmas:
    """The optimised 10-step schedule for SD1.5 of arXiv:2404.14507, log-linearly resampled to `steps`."""
    del levels  # the published numbers are absolute
    logs = [math.log(s) for s in _ALIGN_YOUR_STEPS_SD15]
    sigmas = []
    for position in linspace(0, len(logs) - 1, steps):
        low = min(int(position), len(logs) - 2)
        sigmas.append(math.exp(logs[low] + (position - low) * (logs[low + 1] - logs[low])))
    return (*sigmas, 0.0)


def simple(levels: NoiseLevels, steps: int) -> Sigmas:
    """Every (timesteps/steps)-th trained sigma, from the largest down, without interpolation."""
    stride = len(levels.sigmas) / steps
    return (*(levels.sigmas[-(1 + int(i * stride))] for i in range(steps)), 0.0)


def ddim(levels: NoiseLevels, steps: int) -> Sigmas:
    """Timesteps 1, 1 + s, 1 + 2s, … with s = timesteps // steps: DDIM's own spacing."""
    stride = max(len(levels.sigmas) // steps, 1)
    return (*reversed(levels.sigmas[1::stride]), 0.0)


def beta(levels: NoiseLevels, steps: int, alpha: float = 0.6) -> Sigmas:
    """Quantiles of a symmetric Beta(alpha, alpha) distribution over the sigma range: arXiv:2407.12173."""
    span = levels.largest - levels.smallest
    quantiles = beta_quantiles([1.0 - q for q in linspace(0, 1, steps)], alpha)
    return (*(levels.smallest + q * span for q in quantiles), 0.0)


def beta_quantiles(shares: list[float], alpha: float) -> list[float]:
    """Where a symmetric Beta(alpha, alpha) distribution reaches each share (0..1) of its mass; to about 1e-9.

    With x = sin(angle)^2 the density has no poles, so a plain cumulative sum over a fine grid does.
    """
    grid = np.linspace(0.0, 1.0, _BETA_POINTS)
    angles = math.pi / 2 * grid * grid * (3.0 - 2.0 * grid)  # denser towards both ends
    density = np.abs(np.sin(angles) * np.cos(angles)) ** (2.0 * alpha - 1.0)
    mass = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(angles))])
    found = np.interp(np.array(shares) * mass[-1], mass, angles)
    return [float(x) for x in np.sin(found) ** 2]


def turbo(levels: NoiseLevels, steps: int) -> Sigmas:
    """The ends of `steps` equal stretches of timesteps (the trailing spacing of distilled checkpoints)."""
    count = len(levels.sigmas)
    stops = (min(max(round(count / steps * i) - 1, 0), count - 1) for i in range(steps, 0, -1))
    return (*(levels.sigmas[t] for t in stops), 0.0)


_TABLE: Mapping[str, Callable[[NoiseLevels, int], Sigmas]] = MappingProxyType(
    {
        "Uniform": uniform,
        "Normal": uniform,
        "Karras": karras,
        "Exponential": exponential,
        "Polyexponential": exponential,  # rho is 1 in the web UI, and then both are the same formula
        "SGM Uniform": sgm_uniform,
        "KL Optimal": kl_optimal,
        "Align Your Steps": align_your_steps,
        "Simple": simple,
        "DDIM": ddim,
        "Beta": beta,
        "Turbo": turbo,
    }
)
