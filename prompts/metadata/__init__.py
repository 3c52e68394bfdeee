"""Pictures' metadata: generation parameters read from and written into text, PNG, JPEG and WebP."""

from prompts.metadata.civitai import Resource, resources
from prompts.metadata.containers import (
    Embedded,
    embedded,
    png_with_infotext,
    read_infotext,
    read_xmp,
    write_infotext,
    write_spell,
    write_xmp,
)
from prompts.metadata.conventions import with_conventions
from prompts.metadata.doctor import examine
from prompts.metadata.infotext import INFOTEXT_CHARACTERS, format_infotext, parse_infotext
from prompts.metadata.readers import read, read_spell, read_text
from prompts.metadata.reading import Reading
from prompts.metadata.stripping import stripped, without_personal
from prompts.metadata.verdicts import Machine, ModelFile, Verdict

write = write_spell
"""`write(data, spell)`: the counterpart of `read`."""

__all__ = [
    "INFOTEXT_CHARACTERS",
    "Embedded",
    "Machine",
    "ModelFile",
    "Reading",
    "Resource",
    "Verdict",
    "embedded",
    "examine",
    "format_infotext",
    "parse_infotext",
    "png_with_infotext",
    "read",
    "read_infotext",
    "read_spell",
    "read_text",
    "read_xmp",
    "resources",
    "stripped",
    "with_conventions",
    "without_personal",
    "write",
    "write_infotext",
    "write_spell",
    "write_xmp",
]
