"""What an uploaded file may be, checked before anything is stored or queued."""

from __future__ import annotations

from prompts.canvas import png_of
from prompts.errors import MetadataError, PictureError
from prompts.metadata import read_spell, stripped, write_spell
from prompts.picture_child import open_picture_apart
from prompts.pictures import check_header
from prompts.spell import Spell
from service.blobs.base import Suffix
from service.provenance.marks import mark_of, with_mark

_SUFFIXES: dict[str, Suffix] = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}


def examine(data: bytes, max_bytes: int) -> Spell | None:
    """The spell that an acceptable file carries, if any. Decodes no pixels.

    Raises:
        PictureError: Too large, another format, cut off, or too many pixels; see `prompts.pictures`.
        MetadataError: Its metadata is over the limit.
    """
    if len(data) > max_bytes:
        raise PictureError(
            f"The image file has {len(data)} bytes; the limit is {max_bytes}. Save it smaller and send it again.",
            limit=max_bytes,
            got=len(data),
        ).with_code("image_too_large")
    check_header(data)
    return read_spell(data)


def suffix_of(data: bytes) -> Suffix:
    """The suffix of a picture's file.

    Raises:
        PictureError: See `prompts.pictures.check_header`.
    """
    return _SUFFIXES.get(check_header(data).format, "bin")


def private_copy(data: bytes) -> bytes:
    """What is stored of a picture that somebody sent: the picture, its spell, its mark; nothing else about anybody.

    Place, camera, person, texts and whatever hangs behind the picture stay outside. Pixels, colour profile,
    transparency and the way it is turned are kept. A file whose metadata cannot be told apart from its pixels is
    decoded and written anew as a PNG, without its transparency.

    Raises:
        PictureError: It cannot be taken apart, and cannot be decoded either.
        MetadataError: code `metadata_too_large`.
    """
    spell, mark = read_spell(data), mark_of(data)
    plain = stripped(data) or png_of(open_picture_apart(data))
    if spell is not None:
        try:
            plain = write_spell(plain, spell)
        except MetadataError:  # longer than a JPEG holds
            plain = write_spell(png_of(open_picture_apart(plain)), spell)
    return plain if mark is None else with_mark(plain, mark)
