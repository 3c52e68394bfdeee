"""A small copy of a stored picture, for lists: WebP, marked as AI-made, without its infotext."""

from __future__ import annotations

import io

from PIL import Image

from service.provenance.marks import Mark, mark_of, with_mark

SIDES = (32, 1024)
QUALITY = 80


def thumbnail(png: bytes, side: int) -> bytes:
    """The picture so that its longer side has at most `side` pixels; one that is small enough keeps its size.

    Args:
        png: One of our own files.
        side: Pixels, inside `SIDES`.
    """
    out = io.BytesIO()
    with Image.open(io.BytesIO(png), formats=("PNG",)) as picture:
        small = picture.convert("RGB")
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        small.save(out, "WEBP", quality=QUALITY)
    return with_mark(out.getvalue(), mark_of(png) or Mark.GENERATED)
