"""WebP (RIFF) chunks: EXIF, read and written without touching the picture."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from prompts.errors import MetadataError
from prompts.metadata.bounds import XMP, Budget

_XMP_FLAG, _EXIF_FLAG, _ALPHA_FLAG = 0x04, 0x08, 0x10
_EXTENDED_BYTES = 10  # of a VP8X chunk


def is_webp(data: bytes) -> bool:
    """Whether `data` begins like a WebP file."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of every chunk's body."""
    at = 12
    while at + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 4)
        end = at + 8 + length
        if end > len(data):
            return
        yield data[at : at + 4], at + 8, end
        at = end + length % 2


def _whole_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found = list(chunks(data))
    is_whole = bool(found) and found[-1][2] + 8 > len(data)  # nothing but padding behind the last chunk
    if not is_whole or (found[0][0] == b"VP8X" and found[0][2] - found[0][1] < _EXTENDED_BYTES):
        raise MetadataError("The WebP file is damaged or cut short; nothing was written.")
    return [(kind, data[start:end]) for kind, start, end in found]


def read_webp(data: bytes, budget: Budget) -> tuple[dict[str, str], bytes]:
    """The XMP packet under `XMP`, and the EXIF block or nothing.

    Raises:
        MetadataError: Over the budget.
    """
    texts: dict[str, str] = {}
    exif = b""
    for kind, start, end in chunks(data):
        if kind not in (b"EXIF", b"XMP "):
            continue
        budget.take(end - start)
        if kind == b"EXIF":
            exif = exif or data[start:end]
        else:
            texts[XMP] = data[start:end].decode("utf-8", "replace")
    return texts, exif


def write_webp(data: bytes, exif: bytes) -> bytes:
    """`data` with `exif` (a TIFF block) in place of any EXIF it had.

    Raises:
        MetadataError: The file is damaged.
    """
    return _with_chunk(data, b"EXIF", exif, _EXIF_FLAG)


def write_xmp(data: bytes, packet: bytes) -> bytes:
    """`data` with the XMP `packet` in place of any it had.

    Raises:
        MetadataError: The file is damaged.
    """
    return _with_chunk(data, b"XMP ", packet, _XMP_FLAG)


def _with_chunk(data: bytes, kind: bytes, content: bytes, flag: int) -> bytes:
    """`data` with one chunk of `kind` at its end, and the flag that says so."""
    kept = [chunk for chunk in _whole_chunks(data) if chunk[0] != kind]
    if not kept or kept[0][0] != b"VP8X":
        kept.insert(0, (b"VP8X", _extended_header(*kept[0] if kept else (b"", b""))))
    flags = kept[0][1][0] | flag
    kept[0] = (b"VP8X", bytes((flags,)) + kept[0][1][1:])
    # The order that the format's description asks for: EXIF, then XMP.
    at = next((i for i, chunk in enumerate(kept) if chunk[0] == b"XMP "), len(kept)) if kind == b"EXIF" else len(kept)
    kept.insert(at, (kind, content))
    return file_of(kept)


def file_of(whole: list[tuple[bytes, bytes]]) -> bytes:
    """The file of these chunks: (kind, body) each."""
    body = b"WEBP" + b"".join(_chunk(kind, content) for kind, content in whole)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _extended_header(kind: bytes, body: bytes) -> bytes:
    """The `VP8X` chunk for a simple file, from its only picture chunk."""
    if kind == b"VP8L" and len(body) >= 5:
        (bits,) = struct.unpack_from("<I", body, 1)
        width, height, has_alpha = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bits >> 28 & 1
    elif kind == b"VP8 " and len(body) >= 10:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", body, 6))
        has_alpha = 0
    else:
        raise MetadataError("The WebP file has no picture; nothing was written.")
    sides: bytes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes((_ALPHA_FLAG if has_alpha else 0, 0, 0, 0)) + sides


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
