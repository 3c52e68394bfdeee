"""JPEG segments: EXIF and comments, read and written without touching the picture."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from prompts.errors import MetadataError
from prompts.metadata.bounds import XMP, Budget

SIGNATURE = b"\xff\xd8"
_APP1, _COM, _SOS, _APP0 = 0xE1, 0xFE, 0xDA, 0xE0
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_SEGMENT_BYTES = 65_533
_BARE = frozenset((0x01, *range(0xD0, 0xD8)))  # markers without a body


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of every segment's body before the picture data."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _BARE:  # fill bytes
            at += 1 if marker == 0xFF else 2
            continue
        if marker == _SOS:
            return
        (length,) = struct.unpack_from(">H", data, at + 2)
        end = at + 2 + length
        if length < 2 or end > len(data):
            return
        yield marker, at + 4, end
        at = end


def read_jpeg(data: bytes, budget: Budget) -> tuple[dict[str, str], bytes]:
    """The comment as text `comment`, the XMP packet under `XMP`, and the EXIF block or nothing.

    Raises:
        MetadataError: Over the budget.
    """
    texts: dict[str, str] = {}
    exif = b""
    for marker, start, end in segments(data):
        if marker not in (_APP1, _COM):
            continue
        budget.take(end - start)
        if marker == _COM:
            texts["comment"] = data[start:end].decode("utf-8", "replace")
        elif data.startswith(_EXIF, start) and not exif:
            exif = data[start + len(_EXIF) : end]
        elif data.startswith(_XMP, start):
            texts[XMP] = data[start + len(_XMP) : end].decode("utf-8", "replace")
    return texts, exif


def write_jpeg(data: bytes, exif: bytes) -> bytes:
    """`data` with `exif` (a TIFF block) in place of any EXIF it had.

    Raises:
        MetadataError: code `metadata_too_large`: a JPEG segment holds 64 KiB.
    """
    return _with_segment(data, _EXIF, exif)


def write_xmp(data: bytes, packet: bytes) -> bytes:
    """`data` with the XMP `packet` in place of any it had.

    Raises:
        MetadataError: code `metadata_too_large`.
    """
    return _with_segment(data, _XMP, packet)


def _with_segment(data: bytes, head: bytes, content: bytes) -> bytes:
    """`data` with one APP1 segment that begins with `head`; others of that head are dropped."""
    body = head + content
    if len(body) > _SEGMENT_BYTES:
        raise MetadataError(
            f"The generation parameters take {len(body)} bytes; a JPEG holds {_SEGMENT_BYTES}. Save it as PNG or WebP.",
            got=len(body),
            limit=_SEGMENT_BYTES,
        ).with_code("metadata_too_large")
    segment = bytes((0xFF, _APP1)) + struct.pack(">H", len(body) + 2) + body
    pieces, last, place = [data[:2]], 2, 2
    for marker, start, end in segments(data):
        if marker == _APP0 and place == start - 4:
            place = end
        if marker == _APP1 and data.startswith(head, start):
            pieces.append(data[last : start - 4])
            last = end
    pieces.append(data[last:])
    whole = b"".join(pieces)
    return whole[:place] + segment + whole[place:]
