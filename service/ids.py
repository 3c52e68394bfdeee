"""New ids and the time, both injectable: sortable 26-character ids and aware UTC."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the present as an aware UTC time."""

NewId = Callable[[], str]
"""Gives an id nobody has; later ids sort after earlier ones."""

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ID_LENGTH = 26
RANDOM_BITS = 80


def utc_now() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC)


def utc_text(moment: datetime) -> str:
    """ISO 8601 with microseconds and `Z`; sorts as text as it does as time.

    Raises:
        ValueError: A naive time.
    """
    if moment.tzinfo is None:
        raise ValueError("a naive time is not a moment")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def utc_from_text(text: str) -> datetime:
    """The inverse of `utc_text`."""
    return datetime.fromisoformat(text)


class IdFactory:
    """Makes ULIDs: 48 bits of milliseconds, 80 random bits, rising also within one millisecond.

    Safe to call from several threads.
    """

    def __init__(self, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last = 0

    def __call__(self) -> str:
        """One new id."""
        milliseconds = int(self._clock().timestamp() * 1000)
        drawn = (milliseconds << RANDOM_BITS) | int.from_bytes(os.urandom(RANDOM_BITS // 8), "big")
        with self._lock:
            # A clock that steps back must not give ids that sort before ones already handed out.
            if drawn <= self._last:
                drawn = self._last + 1
            self._last = drawn
        return "".join(CROCKFORD[(drawn >> (5 * place)) & 31] for place in reversed(range(ID_LENGTH)))


def is_id(text: str) -> bool:
    """Whether `text` has the shape of an id; anything else is not worth a query."""
    return len(text) == ID_LENGTH and all(c in CROCKFORD for c in text)
