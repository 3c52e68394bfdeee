"""One seeded Brownian path over sigma, the same whatever points it is asked at.

The stochastic samplers of the DPM++ family draw from it, so that a picture stays alike when the number
of steps changes. It is the path of torchsde's `BrownianTree`, which k-diffusion and the web UI use: an
interval is halved again and again, and every half gets its noise from a seed of its own. Written anew
because here the noise of the halves must come from the picture's own noise source.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_DECIMALS = 6  # torchsde's tolerance of 1e-6: no two points are told apart beyond
_POOL_SIZE = 24
_REMEMBERED_HALVES = 96
_REMEMBERED_POINTS = 4

Draw = Callable[[Sequence[int]], Tensor]
"""First standard normal draw of each seed, `(len(seeds), channels, height, width)`."""


@dataclass(frozen=True, slots=True)
class _Interval:
    """One node of the halving: where it lies and its place in the tree."""

    start: float
    end: float
    key: int = 0
    depth: int = 0

    @property
    def middle(self) -> float:
        return round(0.5 * (self.end + self.start), _DECIMALS)

    def left(self) -> _Interval:
        return _Interval(self.start, self.middle, 2 * self.key, self.depth + 1)

    def right(self) -> _Interval:
        return _Interval(self.middle, self.end, 2 * self.key + 1, self.depth + 1)


class BrownianNoise:
    """Increments of the path between two sigmas, scaled to unit variance."""

    def __init__(self, seed: int, sigma_low: float, sigma_high: float, draw: Draw) -> None:
        """The path is defined from `sigma_low` to `sigma_high`; sigmas beyond count as the nearer end."""
        self._seed = seed
        self._draw = draw
        self._root = _Interval(round(sigma_low, _DECIMALS), round(sigma_high, _DECIMALS))
        self._halves: OrderedDict[tuple[int, int], Tensor] = OrderedDict()
        self._points: OrderedDict[float, Tensor] = OrderedDict()
        (whole,) = draw([_word(np.random.SeedSequence(entropy=seed, pool_size=_POOL_SIZE))])
        self._whole = whole * math.sqrt(self._root.end - self._root.start)

    def __call__(self, sigma: float, sigma_next: float) -> Tensor:
        """Noise `(channels, height, width)` for the stretch between two different sigmas, in any order."""
        first, last = self._clip(sigma), self._clip(sigma_next)
        return (self._value(last) - self._value(first)) / math.sqrt(abs(last - first))

    def _clip(self, sigma: float) -> float:
        return round(min(max(sigma, self._root.start), self._root.end), _DECIMALS)

    def _value(self, point: float) -> Tensor:
        """The path at `point`, 0 at its low end."""
        if point not in self._points:
            self._points[point] = self._descend(point)
            if len(self._points) > _REMEMBERED_POINTS:
                self._points.popitem(last=False)
        return self._points[point]

    def _descend(self, point: float) -> Tensor:
        way = self._way(point)
        noises = self._noises(way)
        value, increment = torch.zeros_like(self._whole), self._whole
        for interval, noise in zip(way, noises, strict=True):
            length = interval.end - interval.start
            before, after = interval.middle - interval.start, interval.end - interval.middle
            left = increment * (before / length) + noise * math.sqrt(before * after / length)
            if point <= interval.middle:
                increment = left
            else:
                value, increment = value + left, increment - left
        return value if point == self._root.start else value + increment

    def _way(self, point: float) -> list[_Interval]:
        """The intervals to halve until `point` is an end of one."""
        way = []
        interval = self._root
        while point not in (interval.start, interval.end):
            way.append(interval)
            interval = interval.left() if point <= interval.middle else interval.right()
        return way

    def _noises(self, way: list[_Interval]) -> list[Tensor]:
        """The noise with which each interval is halved; new ones are drawn together."""
        places = [(interval.key, interval.depth) for interval in way]
        new = [place for place in places if place not in self._halves]
        if new:
            drawn = self._draw([self._seed_of(place) for place in new])
            self._halves.update(zip(new, drawn, strict=True))
        for place in places:
            self._halves.move_to_end(place)
        noises = [self._halves[place] for place in places]
        while len(self._halves) > _REMEMBERED_HALVES:
            self._halves.popitem(last=False)
        return noises

    def _seed_of(self, place: tuple[int, int]) -> int:
        return _word(np.random.SeedSequence(entropy=self._seed, spawn_key=place, pool_size=_POOL_SIZE))


def _word(sequence: np.random.SeedSequence) -> int:
    return int(sequence.generate_state(1)[0])
