"""What an uploaded file may be, checked before anything is stored or queued."""

from __future__ import annotations

from prompts.errors import PictureError
from prompts.metadata import read_spell
from prompts.pictures import check_header
from prompts.spell import Spell
from service.blobs.base import Suffix

SUFFIXES: dict[str, Suffix] = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}


def examine(data: bytes, max_bytes: int) -> tuple[Suffix, Spell | None]:
    """The file's suffix, and the spell that it carries, if any. Decodes no pixels.

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
    header = check_header(data)
    return SUFFIXES.get(header.format, "bin"), read_spell(data)
