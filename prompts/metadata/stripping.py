"""A picture file without what tells about people: EXIF (GPS, camera), XMP, IPTC, texts, and what hangs behind its end.

Pixels, colour profile and the way the picture is turned stay as they are; nothing is decoded.
"""

from __future__ import annotations

import struct

from prompts.errors import MetadataError
from prompts.metadata import jpeg, png, webp
from prompts.metadata.bounds import Budget
from prompts.metadata.exif import ORIENTATION, orientation, read_exif

_PNG_KEPT = frozenset(
    (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"sBIT", b"bKGD")
) | {b"acTL", b"fcTL", b"fdAT"}
_WEBP_DROPPED = frozenset((b"EXIF", b"XMP "))
_METADATA_FLAGS = 0x04 | 0x08  # of VP8X: XMP, EXIF
_ICC = b"ICC_PROFILE\0"
_COM, _APPS, _PLAIN_APPS, _APP2 = 0xFE, range(0xE0, 0xF0), (0xE0, 0xEE), 0xE2  # JFIF, and Adobe's colour transform
_EOI, _SOS = 0xD9, 0xDA


def without_personal(data: bytes) -> bytes:
    """`data` (PNG, JPEG or WebP) without its metadata; a file that is damaged or of another kind as it is."""
    plain = stripped(data)
    return data if plain is None else plain


def stripped(data: bytes) -> bytes | None:
    """`data` (PNG, JPEG or WebP) without its metadata; `None` where it cannot be told apart from the picture.

    That is a damaged file, one of another kind, or one with more metadata than is read: a decoder may still show it.
    """
    try:
        if data.startswith(png.SIGNATURE):
            return _plain_png(data)
        if data.startswith(jpeg.SIGNATURE):
            return _plain_jpeg(data)
        return _plain_webp(data) if webp.is_webp(data) else None
    except (struct.error, IndexError, MetadataError):
        return None


def _plain_png(data: bytes) -> bytes | None:
    turned = _turn(png.read_png(data, Budget())[1])
    pieces, kind = [png.SIGNATURE], b""
    for kind, start, end in png.chunks(data):
        if kind in _PNG_KEPT:
            pieces.append(data[start - 8 : end + 4])
        if kind == b"IHDR" and turned:
            pieces.append(png.chunk(b"eXIf", turned))
    return b"".join(pieces) if kind == b"IEND" else None


def _plain_jpeg(data: bytes) -> bytes | None:
    turned = _turn(jpeg.read_jpeg(data, Budget())[1])
    pieces, at = [data[:2]], 2
    for marker, start, end in jpeg.segments(data):
        is_profile = marker == _APP2 and data.startswith(_ICC, start)
        if is_profile or marker in _PLAIN_APPS or (marker != _COM and marker not in _APPS):
            pieces.append(data[start - 4 : end])
        at = end
    is_told_apart = data[at : at + 64].lstrip(b"\xff")[:1] == bytes((_SOS,))
    stop = _end_of_picture(data, at)
    if stop is None or not is_told_apart:
        return None
    plain = b"".join([*pieces, data[at:stop]])
    return jpeg.write_jpeg(plain, turned) if turned else plain


def _end_of_picture(data: bytes, at: int) -> int | None:
    """Where the first picture of the file ends: phones append others, with EXIF of their own. `None`: cut off."""
    while at + 1 < len(data):
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            return None
        marker = data[at + 1]
        if marker == _EOI:
            return at + 2
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD7:  # a byte of the picture, fill, restarts
            at += 1 if marker == 0xFF else 2
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return None


def _plain_webp(data: bytes) -> bytes | None:
    (said,) = struct.unpack_from("<I", data, 4)
    whole = data[: 8 + said + said % 2]
    turned = _turn(webp.read_webp(whole, Budget())[1])
    kept = [(kind, whole[start:end]) for kind, start, end in webp.chunks(whole) if kind not in _WEBP_DROPPED]
    if not kept or 8 + said > len(data):
        return None
    if kept[0][0] == b"VP8X":
        flags = kept[0][1][0] & ~_METADATA_FLAGS
        kept[0] = (b"VP8X", bytes((flags,)) + kept[0][1][1:])
    plain = webp.file_of(kept)
    return webp.write_webp(plain, turned) if turned else plain


def _turn(exif: bytes) -> bytes:
    """A TIFF block that says how the picture is turned and nothing else; empty for an upright one."""
    turned = orientation(read_exif(exif))
    if turned == 1:
        return b""
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, ORIENTATION, 3, 1, turned, 0, 0)
