"""PNG text chunks: read within bounds, written into a finished file without touching its pixels."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from prompts.errors import MetadataError
from prompts.metadata.bounds import Budget

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXT_KINDS = (b"tEXt", b"zTXt", b"iTXt", b"eXIf")


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of every chunk's body; stops at `IEND` or where the file is cut."""
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        end = at + 8 + length
        if end > len(data):
            return
        yield kind, at + 8, end
        if kind == b"IEND":
            return
        at = end + 4


def read_png(data: bytes, budget: Budget) -> tuple[dict[str, str], bytes]:
    """Every text of the file by keyword (of two equal keywords the last), and the EXIF block or nothing.

    Raises:
        MetadataError: Over the budget.
    """
    texts: dict[str, str] = {}
    exif = b""
    for kind, start, end in chunks(data):
        if kind not in _TEXT_KINDS:
            continue
        body = data[start:end]
        budget.take(len(body))
        if kind == b"eXIf":
            exif = body
            continue
        keyword, text = _text(kind, body, budget)
        texts[keyword] = text
    return texts, exif or _raw_profile(texts)


def _text(kind: bytes, body: bytes, budget: Budget) -> tuple[str, str]:
    keyword, _, rest = body.partition(b"\0")
    if kind == b"zTXt":
        rest = budget.inflate(rest[1:])
    elif kind == b"iTXt":
        is_compressed = rest[:1] == b"\1"
        _, _, rest = rest[2:].partition(b"\0")  # language
        _, _, rest = rest.partition(b"\0")  # translated keyword
        if is_compressed:
            rest = budget.inflate(rest)
        return keyword.decode("latin-1"), rest.decode("utf-8", "replace")
    return keyword.decode("latin-1"), _latin_or_utf8(rest)


def _latin_or_utf8(raw: bytes) -> str:
    """`tEXt` is Latin-1 by the standard; several tools put UTF-8 there, which is next to never valid by accident."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _raw_profile(texts: dict[str, str]) -> bytes:
    """ImageMagick keeps EXIF as hexadecimal text."""
    profile = texts.get("Raw profile type exif") or texts.get("Raw profile type APP1") or ""
    try:
        return bytes.fromhex("".join(profile.split()[2:]))
    except ValueError:
        return b""


def text_chunk(keyword: str, text: str) -> bytes:
    """A `tEXt` chunk, or `iTXt` when `text` is not Latin-1 (Pillow's and so A1111's rule)."""
    try:
        return chunk(b"tEXt", keyword.encode("latin-1") + b"\0" + text.encode("latin-1"))
    except UnicodeEncodeError:
        return chunk(b"iTXt", keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode("utf-8", "replace"))


def write_png(data: bytes, keyword: str, text: str) -> bytes:
    """`data` with one text chunk of `keyword`, replacing those there; pixels and other chunks stay byte for byte.

    Raises:
        MetadataError: The file is damaged.
    """
    pieces = [data[: len(SIGNATURE)]]
    last, kind = len(SIGNATURE), b""
    for kind, start, end in chunks(data):
        last = end + 4
        is_replaced = kind in (b"tEXt", b"zTXt", b"iTXt") and data[start:end].startswith(keyword.encode() + b"\0")
        if not is_replaced:
            pieces.append(data[start - 8 : end + 4])
        if kind == b"IHDR":
            pieces.append(text_chunk(keyword, text))
    if kind != b"IEND" or pieces[1][4:8] != b"IHDR":
        raise MetadataError("The PNG file is damaged or cut short; nothing was written.")
    return b"".join([*pieces, data[last:]])


def chunk(kind: bytes, body: bytes) -> bytes:
    """A whole chunk: length, kind, body, checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
