"""The last thing done to a picture's bytes before they are stored: a signature, where one can be made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from service.provenance.marks import Mark


class Seal(Protocol):
    """Signs finished files; safe to call from any thread."""

    def sealed(self, data: bytes, mark: Mark) -> bytes:
        """The file with a signature over everything in it; as it was when it cannot be signed."""
        ...


class NoSeal:
    """Signs nothing: the mark in the XMP has to do."""

    def sealed(self, data: bytes, mark: Mark) -> bytes:
        """`data`."""
        return data


class LateSeal:
    """A seal that is made when the first picture wants one: its libraries take half a second to load.

    Args:
        make: Makes it; called once, on a worker thread.
    """

    def __init__(self, make: Callable[[], Seal]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: Seal | None = None

    def sealed(self, data: bytes, mark: Mark) -> bytes:
        """See `Seal.sealed`."""
        with self._lock:
            self._made = self._made or self._make()
        return self._made.sealed(data, mark)
