"""A spell from whatever a person has at hand: a picture, an infotext, JSON, or the words themselves."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from prompts.errors import MetadataError
from prompts.metadata import parse_infotext, read_spell
from prompts.spell import Spell
from service.spell_json import spell_from_json

LARGEST_FILE_BYTES = 64 * 1024 * 1024


def load_spell(source: str) -> Spell:
    """The spell in `source`: `-` for standard input, a file's path, or infotext written right there.

    A picture gives the spell in its metadata; a text is read as JSON when it starts with `{`, else as infotext (a bare
    prompt is infotext too).

    Raises:
        MetadataError: code `spell_not_found`; a picture without one, or an empty text.
        FileNotFoundError: `source` looks like a path, and nothing is there.
    """
    data = _bytes(source)
    if data[:8] == b"\x89PNG\r\n\x1a\n" or data[:3] == b"\xff\xd8\xff" or data[8:12] == b"WEBP":
        spell = read_spell(data)
        if spell is None:
            raise MetadataError(
                f"{source} carries no spell. Try `spellwright interrogate` to read the picture itself."
            ).with_code("spell_not_found")
        return spell
    text = data.decode("utf-8", "replace").strip()
    if not text:
        raise MetadataError("There is no spell: the text is empty.").with_code("spell_not_found")
    if text.startswith("{"):
        try:
            value = json.loads(text)
        except ValueError as broken:
            raise MetadataError(f"The spell is not valid JSON: {broken}.").with_code("json_invalid") from broken
        return spell_from_json(value.get("spell", value) if isinstance(value, dict) else value)
    return parse_infotext(text)


def _bytes(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read(LARGEST_FILE_BYTES)
    path = Path(source)
    if _is_file(path):
        with path.open("rb") as file:
            return file.read(LARGEST_FILE_BYTES)
    if (
        path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".json", ".txt")
        and "\n" not in source
        and "," not in source
    ):
        raise FileNotFoundError(2, "No such file", source)
    return source.encode("utf-8")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a long prompt is no file name
        return False
