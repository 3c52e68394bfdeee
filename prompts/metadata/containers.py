"""The text a picture file carries (PNG, JPEG, WebP) and generation parameters written into one."""

from __future__ import annotations

import io
from dataclasses import dataclass

from prompts.errors import MetadataError
from prompts.metadata import jpeg, png, webp
from prompts.metadata.bounds import XMP, Budget
from prompts.metadata.document import take_apart
from prompts.metadata.exif import USER_COMMENT, exif_with_comment, orientation, read_exif, user_comment
from prompts.metadata.infotext import INFOTEXT_CHARACTERS, format_infotext
from prompts.metadata.json_values import parse_object
from prompts.spell import Spell

PARAMETERS = "parameters"
"""Keyword of the PNG text chunk that holds the infotext."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """What a picture file carries beside its pixels, as far as generation tools use it."""

    kind: str
    """`png`, `jpeg` or `webp`."""
    texts: dict[str, str]
    """PNG text by keyword; a JPEG comment under `comment`."""
    exif: dict[int, bytes]
    """EXIF tags by number, see `prompts.metadata.exif`."""

    @property
    def comment(self) -> str:
        """The EXIF UserComment as text; empty when there is none."""
        return user_comment(self.exif.get(USER_COMMENT, b""))


def embedded(data: bytes) -> Embedded | None:
    """What `data` carries; `None` when it is no PNG, JPEG or WebP. Pixels are not decoded.

    Raises:
        MetadataError: code `metadata_too_large`, see `prompts.metadata.bounds`.
    """
    budget = Budget()
    if data.startswith(png.SIGNATURE):
        kind, (texts, exif) = "png", png.read_png(data, budget)
    elif data.startswith(jpeg.SIGNATURE):
        kind, (texts, exif) = "jpeg", jpeg.read_jpeg(data, budget)
    elif webp.is_webp(data):
        kind, (texts, exif) = "webp", webp.read_webp(data, budget)
    else:
        return None
    return Embedded(kind, texts, read_exif(exif))


def read_infotext(data: bytes) -> str | None:
    """The infotext of a picture: EXIF UserComment before the PNG's `parameters`, as A1111 reads; `None` without.

    A UserComment without any generation parameters is none, and neither is JSON: `read` takes that.

    Raises:
        MetadataError: code `metadata_too_large`.
    """
    found = embedded(data)
    if found is None:
        return None
    comment = found.comment
    if comment and has_parameters(comment):
        return comment
    text = found.texts.get(PARAMETERS, "")
    return None if not text or parse_object(text) is not None else text  # Fooocus puts JSON there


def has_parameters(text: str) -> bool:
    """Whether `text` says anything about generation (cameras and phones write into UserComment too)."""
    document = take_apart(text[:INFOTEXT_CHARACTERS])
    return bool(document.pairs or document.negative_prompt)


def write_infotext(data: bytes, infotext: str) -> bytes:
    """`data` (PNG, JPEG or WebP) with `infotext` where A1111 puts it; pixels stay byte for byte.

    Of the EXIF that a JPEG or WebP had, only the way the picture is turned is kept.

    Raises:
        MetadataError: Another format, a damaged file, or too long for the container.
    """
    if data.startswith(png.SIGNATURE):
        return png.write_png(data, PARAMETERS, infotext)
    if data.startswith(jpeg.SIGNATURE):
        return jpeg.write_jpeg(data, exif_with_comment(infotext, _turned(data)))
    if webp.is_webp(data):
        return webp.write_webp(data, exif_with_comment(infotext, _turned(data)))
    raise MetadataError("The file is no PNG, JPEG or WebP picture; nothing was written.")


def _turned(data: bytes) -> int:
    found = embedded(data)
    return 1 if found is None else orientation(found.exif)


def write_spell(data: bytes, spell: Spell) -> bytes:
    """`data` with `spell` as its infotext; raises as `write_infotext`."""
    return write_infotext(data, format_infotext(spell))


def read_xmp(data: bytes) -> str:
    """The XMP packet of a picture; empty when there is none.

    Raises:
        MetadataError: code `metadata_too_large`.
    """
    found = embedded(data)
    return "" if found is None else found.texts.get(XMP, "")


def write_xmp(data: bytes, packet: str) -> bytes:
    """`data` (PNG, JPEG or WebP) with `packet` as its XMP, in place of any it had; pixels stay byte for byte.

    Args:
        data: The file.
        packet: A whole packet with its `xpacket` frame.

    Raises:
        MetadataError: Another format, a damaged file, or too long for the container.
    """
    if data.startswith(png.SIGNATURE):
        return png.write_png(data, XMP, packet)
    if data.startswith(jpeg.SIGNATURE):
        return jpeg.write_xmp(data, packet.encode("utf-8"))
    if webp.is_webp(data):
        return webp.write_xmp(data, packet.encode("utf-8"))
    raise MetadataError("The file is no PNG, JPEG or WebP picture; nothing was written.")


def png_with_infotext(width: int, height: int, rgb: bytes, infotext: str) -> bytes:
    """A PNG of `rgb` that carries `infotext` (none when it is empty).

    Args:
        width: Pixels.
        height: Pixels.
        rgb: `width * height * 3` bytes, rows from the top, 8 bits per channel.
        infotext: Text of the `parameters` chunk.

    Raises:
        MetadataError: `rgb` has another length.
    """
    from PIL import Image  # noqa: PLC0415  # reading metadata must not load Pillow

    if len(rgb) != width * height * 3:
        raise MetadataError(
            f"{len(rgb)} bytes of pixels for {width}x{height}; {width * height * 3} are needed.",
            got=len(rgb),
            limit=width * height * 3,
        )
    buffer = io.BytesIO()
    Image.frombytes("RGB", (width, height), rgb).save(buffer, "PNG")
    return png.write_png(buffer.getvalue(), PARAMETERS, infotext) if infotext else buffer.getvalue()
