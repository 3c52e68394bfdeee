"""EXIF as far as generation tools use it: a few text tags, above all UserComment. Bounded, no recursion."""

from __future__ import annotations

import struct

IMAGE_DESCRIPTION = 0x010E
MAKE = 0x010F
MODEL = 0x0110
ORIENTATION = 0x0112
SOFTWARE = 0x0131
MAKER_NOTE = 0x927C
USER_COMMENT = 0x9286
_EXIF_IFD = 0x8769
_WANTED = frozenset((IMAGE_DESCRIPTION, MAKE, MODEL, ORIENTATION, SOFTWARE, MAKER_NOTE, USER_COMMENT, _EXIF_IFD))
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_ENTRIES = 512  # per directory; real ones have tens
_SIGNS = ("Steps:", "Negative prompt:", '{"', "prompt", "seed")


def read_exif(data: bytes) -> dict[int, bytes]:
    """The wanted tags of an EXIF block (with or without its `Exif` mark); empty when it is damaged."""
    tiff = data[6:] if data.startswith(b"Exif\0\0") else data
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return {}
    tags = _directory(tiff, order, struct.unpack(order + "I", tiff[4:8])[0])
    pointer = tags.pop(_EXIF_IFD, b"")
    if len(pointer) == 4:
        tags |= _directory(tiff, order, struct.unpack(order + "I", pointer)[0])
        tags.pop(_EXIF_IFD, None)
    return tags


def _directory(tiff: bytes, order: str, at: int) -> dict[int, bytes]:
    tags: dict[int, bytes] = {}
    if at + 2 > len(tiff):
        return tags
    count = min(struct.unpack_from(order + "H", tiff, at)[0], _ENTRIES)
    for i in range(count):
        entry = at + 2 + 12 * i
        if entry + 12 > len(tiff):
            break
        tag, kind, length, offset = struct.unpack_from(order + "HHII", tiff, entry)
        if tag not in _WANTED:
            continue
        size = length * _SIZES.get(kind, 1)
        start = entry + 8 if size <= 4 else offset
        tags[tag] = tiff[start : start + size]
    return tags


def user_comment(raw: bytes) -> str:
    """The text of a UserComment in any of its encodings; empty for an empty one.

    `UNICODE` means UTF-16, big-endian by the standard that A1111 follows, but tools write little-endian and even
    UTF-8: the reading with the most ASCII and known keys wins, big-endian when undecided.
    """
    code, body = raw[:8], raw[8:]
    if code == b"UNICODE\0":
        return _best(body, ("utf-16-be", "utf-16-le", "utf-8"))
    if code == b"ASCII\0\0\0" or code == b"\0" * 8:
        return _best(body, ("utf-8", "latin-1"))
    if code == b"JIS\0\0\0\0\0":
        return _best(body, ("shift_jis", "iso2022_jp", "utf-8"))
    return _best(raw, ("utf-8", "utf-16-be", "utf-16-le"))


def text_of(raw: bytes) -> str:
    """The text of an ASCII tag (UTF-8 in practice)."""
    return _best(raw, ("utf-8", "latin-1"))


def _best(body: bytes, encodings: tuple[str, ...]) -> str:
    for mark, encoding in ((b"\xfe\xff", "utf-16-be"), (b"\xff\xfe", "utf-16-le"), (b"\xef\xbb\xbf", "utf-8")):
        if body.startswith(mark):
            return _clean(body[len(mark) :].decode(encoding, "replace"))
    readings = [body.decode(encoding, "replace") for encoding in encodings]
    return _clean(max(readings, key=_plausibility))


def _plausibility(text: str) -> float:
    """Higher for text a person or a tool would write; the first of equals wins."""
    if not text:
        return 0.0
    plain = sum(" " <= c <= "~" or c in "\n\r\t" for c in text)
    broken = text.count("\ufffd") + text.count("\0")
    return (plain - 4 * broken) / len(text) + sum(sign in text for sign in _SIGNS)


def _clean(text: str) -> str:
    return text.rstrip("\0").strip("\ufeff")


def exif_with_comment(text: str, turned: int = 1) -> bytes:
    """A TIFF block whose UserComment is `text`, as A1111 writes it (`UNICODE`, big-endian); without its `Exif` mark.

    Args:
        text: The comment.
        turned: How the picture is turned, 1..8 as in EXIF's Orientation; 1 is upright and not written.
    """
    comment = b"UNICODE\0" + text.encode("utf-16-be", "replace")
    turn = struct.pack(">HHIHH", ORIENTATION, 3, 1, turned, 0) if turned != 1 else b""
    at = 26 + len(turn)
    directory = struct.pack(">H", 2 if turn else 1) + turn + struct.pack(">HHII", _EXIF_IFD, 4, 1, at)
    exif_ifd = struct.pack(">H", 1) + struct.pack(">HHII", USER_COMMENT, 7, len(comment), at + 18)
    return b"MM\0*" + struct.pack(">I", 8) + directory + bytes(4) + exif_ifd + bytes(4) + comment


def orientation(tags: dict[int, bytes]) -> int:
    """How the picture is turned: 1..8; 1 (upright) also where nothing, or nonsense, is said."""
    turned = max(tags.get(ORIENTATION, b"")[:2], default=1)
    return turned if 1 <= turned <= 8 else 1
