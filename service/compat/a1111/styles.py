"""Saved styles of the data folder, as A1111 applies them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from prompts.language import Style, apply_styles, read_styles
from prompts.language.styles import with_style
from prompts.spell import HiresFix, Spell

STYLES_FILE = "styles.csv"


def stored_styles(data_dir: Path) -> tuple[Style, ...]:
    """The styles of `styles.csv`; none when there is no such file."""
    file = data_dir / STYLES_FILE
    return read_styles(file.read_text("utf-8-sig", errors="replace")) if file.is_file() else ()


def styled(spell: Spell, names: Sequence[str], known: Sequence[Style]) -> tuple[Spell, tuple[str, ...]]:
    """`spell` with the named styles on its prompts, also those of the second pass, and what was not found."""
    by_name = {style.name: style for style in known}
    found = [name for name in names if name in by_name]
    notes = tuple(f"There is no style {name[:80]!r}; it was ignored." for name in names if name not in by_name)
    result = apply_styles(spell, found, known)
    hires = result.params.hires
    if hires is not None and (hires.prompt or hires.negative_prompt):
        result = result.evolve(hires=_styled_hires(hires, [by_name[name] for name in found]))
    return result, notes


def _styled_hires(hires: HiresFix, styles: Sequence[Style]) -> HiresFix:
    prompt, negative = hires.prompt, hires.negative_prompt
    for style in styles:
        prompt = with_style(prompt, style.prompt) if prompt else prompt
        negative = with_style(negative, style.negative_prompt) if negative else negative
    return replace(hires, prompt=prompt, negative_prompt=negative)
