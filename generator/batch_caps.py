"""How many UNet rows one call should have: measured on this machine, per shape, instead of guessed.

More rows in a call share its fixed cost, until the device is busy with one; from there on they only make everybody
wait longer. Where that is depends on the device and the shape, so a ladder of sizes is timed once for each shape.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from generator.batch_key import BatchKey

LADDER = (2, 4, 8, 16, 32)
"""Rows that are tried, in this order; 2 is one guided picture."""
_BUDGET_SECONDS = 2.0
_WORTH = 0.05  # a larger call must be this much cheaper per row
_SLOWEST_SECONDS = 1.0  # of one call: beyond, waiting for a turn costs more than a larger call saves

Measured = tuple[str, tuple[int, int, int], int, bool]
"""What decides a call's time: checkpoint, latent shape, text chunks, tiling; LoRAs do not."""


@dataclass(frozen=True, slots=True)
class CapLimits:
    """When measuring stops."""

    fixed: int = 0
    """The operator's own number of rows; 0 measures."""
    budget_seconds: float = _BUDGET_SECONDS
    """No further rung once measuring a shape took this long."""
    ladder: tuple[int, ...] = LADDER


@dataclass
class BatchCaps:
    """The rows of a call by key: fixed, or measured at the first call that more than one picture wants."""

    limits: CapLimits
    is_out_of_memory: Callable[[BaseException], bool]
    clock: Callable[[], float] = time.perf_counter
    known: dict[Measured, int] = field(default_factory=dict)

    def rows(self, key: BatchKey) -> int:
        """The rows of a call; the ladder's first rung for a shape that was not measured."""
        fixed = self.limits.fixed
        return self.known.get(_measured(key), fixed or self.limits.ladder[0])

    def is_known(self, key: BatchKey) -> bool:
        """Whether `measure` has nothing to do."""
        return bool(self.limits.fixed) or _measured(key) in self.known

    def measure(self, key: BatchKey, call: Callable[[int], object]) -> int:
        """Time `call(rows)` up the ladder and keep the best rung.

        A rung is taken while it is at least 5 % cheaper per row than the one before, and memory and the time
        allowed last. The first call of each rung warms up and is not counted, unless it is slow already.

        Args:
            key: What is measured.
            call: One UNet call of this key with so many rows, finished when it returns.
        """
        best, best_each = self.limits.ladder[0], float("inf")
        began = self.clock()
        for rows in self.limits.ladder:
            try:
                seconds = self._time(call, rows)
            except Exception as error:
                if not self.is_out_of_memory(error):
                    raise
                break
            if seconds / rows > best_each * (1 - _WORTH):
                break
            best, best_each = rows, seconds / rows
            # The next rung costs about twice this one, warm-up included twice that.
            if self.clock() - began + 4 * seconds > self.limits.budget_seconds or 2 * seconds > _SLOWEST_SECONDS:
                break
        self.known[_measured(key)] = best
        return best

    def lower(self, key: BatchKey, failed_rows: int) -> None:
        """So many rows did not fit into memory: at most half of them from now on."""
        self.known[_measured(key)] = max(min(self.rows(key), failed_rows) // 2, 1)

    def _time(self, call: Callable[[int], object], rows: int) -> float:
        began = self.clock()
        call(rows)
        warm = self.clock()
        if warm - began > _SLOWEST_SECONDS:
            return warm - began
        call(rows)
        return self.clock() - warm


def _measured(key: BatchKey) -> Measured:
    return (key.checkpoint, key.shape, key.chunks, key.is_tiling)
