"""What the use cases need of a place for bytes."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Literal, Protocol

Area = Literal["images", "uploads"]
Suffix = Literal["png", "jpg", "webp", "bin"]


@dataclass(frozen=True, slots=True)
class Blob:
    """Stored bytes."""

    key: str
    """`<area>/<aa>/<sha256>.<suffix>`: the same bytes get the same key."""
    sha256: str
    bytes: int


class BlobStore(Protocol):
    """Bytes by content. Synchronous; safe to call from any thread."""

    def put(self, area: Area, data: bytes, suffix: Suffix) -> Blob:
        """Store `data` whole or not at all; on return it is on the disk. Storing it twice is harmless.

        Raises:
            DiskFull: No room; nothing is left behind.
        """
        ...

    def read(self, key: str) -> bytes:
        """The bytes.

        Raises:
            BlobMissing: No such key, a key of the wrong shape, or damaged bytes.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove; no such key: no-op."""
        ...

    def sweep(self, keep: Container[str], older_than_seconds: float) -> int:
        """Remove torn writes, and blobs nobody names, of at least that age; returns how many."""
        ...

    def free_bytes(self) -> int:
        """Room left on the disk."""
        ...
