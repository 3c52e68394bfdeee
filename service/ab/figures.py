"""What the scores of paired pictures say: the mean difference, and how far it can be trusted."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

_RESAMPLES = 2_000
_TAIL = 0.025


@dataclass(frozen=True, slots=True)
class Paired:
    """One measure over pairs of the same seed."""

    name: str
    before: float
    """Mean without the change."""
    after: float
    """Mean with it."""
    low: float
    """Lower end of the 95 % interval of the mean difference (paired bootstrap, fixed seed)."""
    high: float
    better: int
    """Pairs in which the measure rose."""
    worse: int
    pairs: int

    @property
    def difference(self) -> float:
        """Mean of (after - before)."""
        return self.after - self.before

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0

    @property
    def verdict(self) -> str:
        """`rises`, `falls` or `no clear change`."""
        return ("rises" if self.difference > 0 else "falls") if self.is_clear else "no clear change"


def paired(name: str, before: Sequence[float], after: Sequence[float]) -> Paired:
    """The measure `name` of the same seeds without and with a change.

    Args:
        name: What was measured.
        before: One score a picture.
        after: The same seeds in the same order.

    Raises:
        ValueError: No pairs, or sides of different length.
    """
    changes = [b - a for a, b in zip(before, after, strict=True)]
    if not changes:
        raise ValueError("a comparison needs at least one pair")
    low, high = _interval(changes)
    return Paired(
        name,
        fmean(before),
        fmean(after),
        low,
        high,
        better=sum(change > 0 for change in changes),
        worse=sum(change < 0 for change in changes),
        pairs=len(changes),
    )


def _interval(changes: Sequence[float]) -> tuple[float, float]:
    if len(set(changes)) == 1:
        return changes[0], changes[0]
    dice = random.Random(0)
    means = sorted(fmean(dice.choices(changes, k=len(changes))) for _ in range(_RESAMPLES))
    return means[int(_TAIL * _RESAMPLES)], means[int((1 - _TAIL) * _RESAMPLES) - 1]
