"""How much metadata is read: a file that hides a gigabyte in a kilobyte is refused, not unpacked."""

from __future__ import annotations

import zlib

from prompts.errors import MetadataError

TEXT_BYTES = 1024 * 1024
"""All text of one file together, unpacked."""
TEXT_PARTS = 1_000
"""Text chunks of one file."""
XMP = "XML:com.adobe.xmp"
"""Keyword of a file's XMP packet (PNG's own; used for JPEG and WebP as well)."""


class Budget:
    """What is left of the bounds while one file is read. One owner, one file."""

    def __init__(self, text_bytes: int = TEXT_BYTES, parts: int = TEXT_PARTS) -> None:
        self._limit = text_bytes
        self._left = text_bytes
        self._parts = parts

    def take(self, size: int) -> None:
        """Count one part of `size` bytes.

        Raises:
            MetadataError: code `metadata_too_large`.
        """
        self._parts -= 1
        self._left -= size
        if self._left < 0 or self._parts < 0:
            raise too_large(self._limit)

    def inflate(self, packed: bytes) -> bytes:
        """`packed` unpacked (zlib); empty for damaged data.

        Raises:
            MetadataError: code `metadata_too_large`; at most the budget was ever in memory.
        """
        return self._unpacked(zlib.decompressobj(), packed)

    def gunzip(self, packed: bytes) -> bytes:
        """`packed` unpacked (gzip); as `inflate`."""
        return self._unpacked(zlib.decompressobj(16 + zlib.MAX_WBITS), packed)

    def _unpacked(self, unpacker: zlib._Decompress, packed: bytes) -> bytes:
        try:
            body = unpacker.decompress(packed, self._left + 1)
        except zlib.error:
            return b""
        self.take(len(body))
        return body


def too_large(limit: int) -> MetadataError:
    """The error for metadata over `limit` bytes."""
    error = MetadataError(f"The picture's metadata is larger than {limit} bytes; it was not read.", limit=limit)
    error.with_code("metadata_too_large")
    return error
