"""Prompts translated between programs, with a report of what could not be said."""

from __future__ import annotations

import re
from dataclasses import dataclass

from prompts.errors import PromptError
from prompts.language.comfyui import read_comfyui, write_comfyui
from prompts.language.compel import read_compel, write_compel
from prompts.language.novelai import read_novelai
from prompts.language.pieces import Loss, Pieces, read_a1111, write_a1111
from prompts.language.text_rules import FULL_WIDTH

SOURCES = ("a1111", "comfyui", "compel", "novelai")
"""Dialects that can be read; InvokeAI's is `compel`."""
TARGETS = ("a1111", "comfyui", "compel")
"""Dialects that can be written."""
_FULL_WIDTH = re.compile(f"[{''.join(FULL_WIDTH)}]\\s*")


@dataclass(frozen=True, slots=True)
class Conversion:
    """A translated prompt."""

    text: str
    losses: tuple[Loss, ...] = ()
    """What could not be said, in order; empty when it means the same."""


def convert(text: str, source: str, target: str) -> Conversion:
    """`text` from one dialect to another; the same dialect gives the text itself.

    Raises:
        PromptError: code `dialect_unknown`.
    """
    if source not in SOURCES or target not in TARGETS:
        name, known = (source, SOURCES) if source not in SOURCES else (target, TARGETS)
        error = PromptError(f"There is no dialect {name!r} here; use one of {', '.join(known)}.", got=name)
        error.with_code("dialect_unknown")
        raise error
    if source == target:
        return Conversion(text)
    pieces, read_losses = _read(text, source)
    written, write_losses = _write(pieces, target)
    return Conversion(written, read_losses + write_losses)


def _read(text: str, source: str) -> tuple[Pieces, tuple[Loss, ...]]:
    match source:
        case "comfyui":
            return read_comfyui(text)
        case "compel":
            return read_compel(text)
        case "novelai":
            return read_novelai(text)
        case _:
            return read_a1111(text)


def _write(pieces: Pieces, target: str) -> tuple[str, tuple[Loss, ...]]:
    match target:
        case "comfyui":
            return write_comfyui(pieces)
        case "compel":
            return write_compel(pieces)
        case _:
            return write_a1111(pieces)


def normalise(text: str) -> str:
    """`text` with full-width brackets, colons and commas in the form the parsers know; words stay as they are."""
    return _FULL_WIDTH.sub(_ascii, text)


def _ascii(match: re.Match[str]) -> str:
    sign = FULL_WIDTH[match.group()[0]]
    blank = match.group()[1:]
    return sign + (blank or " ") if sign in ",;" else sign + blank
