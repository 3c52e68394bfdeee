"""The last thing done to a picture's bytes before they are stored: a signature, where one can be made."""

from __future__ import annotations

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
