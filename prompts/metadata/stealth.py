"""Text hidden in a PNG's lowest bits (NovelAI's "stealth" metadata), read without decoding the whole picture.

The bits run down the columns: with `stealth_pnginfo` / `stealth_pngcomp` in the alpha channel, with `stealth_rgbinfo` /
`stealth_rgbcomp` in red, green and blue of each pixel. Behind the magic stand 32 bits of length in bits, then the text,
packed with gzip in the `comp` forms.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from prompts.metadata.bounds import Budget, too_large
from prompts.metadata.png import SIGNATURE, chunks

_MAGIC_BYTES = 15
_HEADER_BITS = (_MAGIC_BYTES + 4) * 8
_PIXELS = 64 * 1024 * 1024  # larger pictures are not searched
_HIDDEN_BYTES = 128 * 1024
"""What may be hidden, as packed in the picture; real texts take some kilobytes."""
_COLOUR_TYPES = {6: 4, 2: 3}  # RGBA, RGB: bytes per pixel
_MAGICS = {b"stealth_pnginfo": False, b"stealth_pngcomp": True, b"stealth_rgbinfo": False, b"stealth_rgbcomp": True}


class _Pixels:
    """The left columns of an 8-bit PNG, unfiltered row by row from the packed data."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        header = data[16:29] if data.startswith(SIGNATURE) and len(data) >= 29 else bytes(13)
        self.width, self.height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", header)
        self.bytes_per_pixel = _COLOUR_TYPES.get(colour, 0) if depth == 8 and not interlace else 0

    @property
    def is_readable(self) -> bool:
        """Whether this is a picture that could hide text."""
        return bool(self.bytes_per_pixel) and 0 < self.width * self.height <= _PIXELS

    def bits(self, columns: int, rows: int, *, alpha: bool) -> Iterator[bytes]:
        """Per row, the lowest bits (0 or 1, one byte each) of the first `columns` pixels."""
        step = self.bytes_per_pixel
        used = min(columns, self.width) * step
        previous = bytes(used)
        for row in self._rows(rows):
            previous = _unfiltered(row[0], row[1 : 1 + used], previous, step)
            kept = previous[3::4] if alpha else bytes(b for i, b in enumerate(previous) if i % step < 3)
            yield bytes(b & 1 for b in kept)

    def _rows(self, rows: int) -> Iterator[bytes]:
        """The first `rows` packed rows with their filter byte; stops where the data is damaged."""
        size = 1 + self.width * self.bytes_per_pixel
        unpacker = zlib.decompressobj()
        buffer = bytearray()
        given = 0
        for kind, start, end in chunks(self._data):
            if kind != b"IDAT":
                continue
            packed = self._data[start:end]
            while packed:
                try:
                    buffer += unpacker.decompress(packed, 1 << 20)
                except zlib.error:
                    return
                packed = unpacker.unconsumed_tail
                while len(buffer) >= size:
                    yield bytes(buffer[:size])
                    del buffer[:size]
                    given += 1
                    if given == rows:
                        return


def read_stealth(data: bytes, budget: Budget | None = None) -> str | None:
    """The text hidden in a PNG; `None` when there is none or the file is no 8-bit RGB(A) PNG.

    Only the rows and columns that hold bits are unpacked, so an ordinary picture costs little.

    Raises:
        MetadataError: code `metadata_too_large`.
    """
    pixels = _Pixels(data)
    if not pixels.is_readable:
        return None
    for alpha in (True, False):
        if alpha and pixels.bytes_per_pixel != 4:
            continue
        header = _column_bits(pixels, _HEADER_BITS, alpha=alpha)
        magic = _packed(header[: _MAGIC_BYTES * 8])
        is_right_channel = magic.startswith(b"stealth_png") is alpha
        if magic not in _MAGICS or not is_right_channel:
            continue
        (length,) = struct.unpack(">I", _packed(header[_MAGIC_BYTES * 8 : _HEADER_BITS]))
        if length > _HIDDEN_BYTES * 8:
            raise too_large(_HIDDEN_BYTES)
        body = _packed(_column_bits(pixels, _HEADER_BITS + length, alpha=alpha)[_HEADER_BITS:])
        if _MAGICS[magic]:
            body = (budget or Budget()).gunzip(body)
        return body.decode("utf-8", "replace")
    return None


def _column_bits(pixels: _Pixels, count: int, *, alpha: bool) -> bytes:
    """The first `count` bits in column order, one byte each; fewer when the picture is too small."""
    per_pixel = 1 if alpha else 3
    per_column = pixels.height * per_pixel
    columns = min(-(-count // per_column), pixels.width)
    rows = pixels.height if columns > 1 else min(pixels.height, -(-count // per_pixel))
    lines = list(pixels.bits(columns, rows, alpha=alpha))
    out = bytearray()
    for column in range(columns):
        at = column * per_pixel
        for line in lines:
            out += line[at : at + per_pixel]
        if len(out) >= count:
            break
    return bytes(out[:count])


def _packed(bits: bytes) -> bytes:
    """Eight bits to a byte, highest first; an unfinished last byte is dropped."""
    whole = bits[: len(bits) // 8 * 8]
    if not whole:
        return b""
    return int(whole.translate(_DIGITS), 2).to_bytes(len(whole) // 8, "big")


_DIGITS = bytes(48 + (i & 1) for i in range(256))


def _unfiltered(kind: int, row: bytes, above: bytes, step: int) -> bytes:
    """One row of PNG (RFC 2083, section 6) in the clear; `row` may be cut at a pixel."""
    out = bytearray(row)
    if kind == 0:
        return bytes(out)
    for i in range(len(out)):
        left = out[i - step] if i >= step else 0
        up = above[i]
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) // 2
        else:
            guess = _paeth(left, up, above[i - step] if i >= step else 0)
        out[i] = (out[i] + guess) & 255
    return bytes(out)


def _paeth(left: int, up: int, corner: int) -> int:
    estimate = left + up - corner
    distances = (abs(estimate - left), abs(estimate - up), abs(estimate - corner))
    return (left, up, corner)[distances.index(min(distances))]
