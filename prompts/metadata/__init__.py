"""Pictures' metadata: generation parameters read from and written into text, PNG, JPEG and WebP."""

from prompts.metadata.containers import (
    Embedded,
    embedded,
    png_with_infotext,
    read_infotext,
    read_spell,
    write_infotext,
    write_spell,
)
from prompts.metadata.infotext import INFOTEXT_CHARACTERS, format_infotext, parse_infotext

__all__ = [
    "INFOTEXT_CHARACTERS",
    "Embedded",
    "embedded",
    "format_infotext",
    "parse_infotext",
    "png_with_infotext",
    "read_infotext",
    "read_spell",
    "write_infotext",
    "write_spell",
]
