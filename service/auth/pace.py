"""How many requests a minute a tenant may send."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

MOST_REMEMBERED = 4096


class Pace:
    """A bucket for each tenant that holds one minute's requests and fills steadily. Used on the event loop only.

    Args:
        per_minute: Requests in a minute; so many may also come at once.
        clock: Monotonic seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._size = float(per_minute)
        self._per_second = per_minute / 60.0
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, tenant: str) -> float | None:
        """Count one request; seconds to wait when there were too many, else `None`."""
        now = self._clock()
        left, at = self._buckets.pop(tenant, (self._size, now))
        left = min(self._size, left + (now - at) * self._per_second)
        is_empty = left < 1.0
        self._buckets[tenant] = (left if is_empty else left - 1.0, now)
        if len(self._buckets) > MOST_REMEMBERED:
            self._buckets.popitem(last=False)
        return (1.0 - left) / self._per_second if is_empty else None
