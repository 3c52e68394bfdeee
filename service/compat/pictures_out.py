"""Stored pictures on their way into an answer: base64, and as JPEG or WebP where a client asks for it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Literal

from PIL import Image

from prompts.metadata import read_infotext, write_infotext
from service.provenance.marks import Mark, mark_of, with_mark

PictureFormat = Literal["png", "jpg", "webp"]
PILLOW_NAMES = {"jpg": "JPEG", "webp": "WEBP"}
JPEG_QUALITY = 90


def encoded(png: bytes, wanted: str, quality: int = JPEG_QUALITY) -> bytes:
    """A stored PNG as `png` (byte for byte), `jpg` or `webp`, with its infotext and its mark as AI-made.

    Args:
        png: One of our own files.
        wanted: `png`, `jpg` or `webp`.
        quality: 1..100, of the lossy ones.
    """
    if wanted == "png":
        return png
    out = io.BytesIO()
    with Image.open(io.BytesIO(png), formats=("PNG",)) as picture:
        picture.convert("RGB").save(out, PILLOW_NAMES[wanted], quality=quality)
    infotext = read_infotext(png)
    data = write_infotext(out.getvalue(), infotext) if infotext else out.getvalue()
    return with_mark(data, mark_of(png) or Mark.GENERATED)


def png_of(picture: Image.Image) -> bytes:
    """A picture as a bare PNG."""
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def base64_of(data: bytes) -> str:
    """Plain base64, without `data:`: A1111's clients decode it as it is."""
    return base64.b64encode(data).decode("ascii")


def all_base64(files: Sequence[bytes], wanted: str) -> list[str]:
    """Every file in the wanted format as base64; blocking, for a worker thread."""
    return [base64_of(encoded(file, wanted)) for file in files]
