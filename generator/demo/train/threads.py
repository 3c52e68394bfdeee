"""Finds the number of threads that trains fastest right now, on a machine that others use too.

Two threads that meet at every barrier are slower than one as soon as a neighbour holds one of two cores.
"""

from __future__ import annotations

import time

import torch

_TRY_EVERY = 45.0  # seconds
_TRIAL_STEPS = 3


class ThreadTuner:
    """Times training steps with one thread and with `most`, and keeps the faster.

    Args:
        most: The largest number of threads to use; with 1 there is nothing to tune.
    """

    def __init__(self, most: int) -> None:
        self._choices = [1] if most <= 1 else [1, most]
        self._current = most
        self._queue: list[int] = []
        self._times: dict[int, list[float]] = {}
        self._next_trial = 0.0
        self._step_began: float | None = None

    def step_done(self) -> None:
        """Call once after every training step."""
        now = time.monotonic()
        if self._step_began is not None:
            self._times.setdefault(self._current, []).append(now - self._step_began)
        if not self._queue and now >= self._next_trial and len(self._choices) > 1:
            self._times.clear()
            self._queue = [n for n in self._choices for _ in range(_TRIAL_STEPS)]
            self._next_trial = now + _TRY_EVERY
        elif not self._queue and len(self._times) == len(self._choices):
            self._use(min(self._times, key=lambda n: sum(self._times[n])))
            self._times.clear()
        if self._queue:
            self._use(self._queue.pop(0))
        self._step_began = time.monotonic()

    def _use(self, threads: int) -> None:
        if threads != self._current:
            torch.set_num_threads(threads)
        self._current = threads
