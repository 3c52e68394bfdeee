"""A circuit breaker: after several failures in a row, stop asking for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

from prompts.errors import ChatModelUnreachable


class CircuitBreaker:
    """Opens after `failures` in a row; lets one call through again after `rest_seconds`.

    Owned by one adapter and one event loop; not for several threads.

    Args:
        failures: How many failed calls in a row open it.
        rest_seconds: How long it stays open.
        clock: Monotonic seconds; tests pass their own.
    """

    def __init__(
        self, failures: int = 4, rest_seconds: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = failures
        self._rest = rest_seconds
        self._clock = clock
        self._failed = 0
        self._open_until: float | None = None

    def check(self) -> None:
        """Return when a call may be made.

        Raises:
            ChatModelUnreachable: The breaker is open; `retry_after` says for how many seconds.
        """
        if self._open_until is None:
            return
        left = self._open_until - self._clock()
        if left > 0:
            raise ChatModelUnreachable(
                f"The language model failed {self._limit} times in a row; it is left alone for {left:.0f} s more. "
                "Your draft is kept.",
                retry_after=round(left, 1),
            )
        # Half open: one failure more opens it again.
        self._open_until = None
        self._failed = self._limit - 1

    def failed(self) -> None:
        """Note a failed call."""
        self._failed += 1
        if self._failed >= self._limit:
            self._open_until = self._clock() + self._rest

    def worked(self) -> None:
        """Note a call that worked."""
        self._failed = 0
        self._open_until = None
