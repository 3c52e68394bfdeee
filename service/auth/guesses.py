"""Counts wrong keys, so that nobody can try many: right keys are never slowed."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

WINDOW_SECONDS = 60.0
MOST_IN_WINDOW = 10
MOST_REMEMBERED = 4096


class Guesses:
    """Failures of the last minute by whoever made them. Used on the event loop only.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, who: str) -> float | None:
        """Note a failure of `who`; seconds to wait when there were too many, else `None`."""
        now = self._clock()
        times = self._failures.setdefault(who, deque(maxlen=MOST_IN_WINDOW))
        self._failures.move_to_end(who)
        if len(self._failures) > MOST_REMEMBERED:
            self._failures.popitem(last=False)
        oldest = times[0] if len(times) == MOST_IN_WINDOW else None
        if oldest is not None and now - oldest < WINDOW_SECONDS:
            return WINDOW_SECONDS - (now - oldest)
        times.append(now)
        return None
