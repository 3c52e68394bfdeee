"""Saved styles: named prompt texts, with `{prompt}` where the user's own words go."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace

from prompts.errors import PromptError, near_hint, near_names
from prompts.spell import Spell

PLACE = "{prompt}"


@dataclass(frozen=True, slots=True)
class Style:
    """One saved style."""

    name: str
    prompt: str = ""
    negative_prompt: str = ""


def read_styles(text: str) -> tuple[Style, ...]:
    """The styles of A1111's `styles.csv`, in order; rows without a name, and dividers, are left out."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    found = []
    for row in rows:
        name = (row.get("name") or "").strip()
        prompt = row.get("prompt") or row.get("text") or ""
        if name and not (name.startswith("---") and not prompt):
            found.append(Style(name, prompt, row.get("negative_prompt") or ""))
    return tuple(found)


def write_styles(styles: Iterable[Style]) -> str:
    """`styles` as A1111's `styles.csv`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("name", "prompt", "negative_prompt"))
    writer.writerows((style.name, style.prompt, style.negative_prompt) for style in styles)
    return out.getvalue()


def apply_styles(spell: Spell, names: Iterable[str], known: Iterable[Style]) -> Spell:
    """`spell` with the named styles put around its prompts, one after the other.

    Raises:
        PromptError: code `style_not_found`, with near names.
    """
    by_name = {style.name: style for style in known}
    prompt, negative = spell.prompt, spell.negative_prompt
    for name in names:
        style = by_name.get(name)
        if style is None:
            near = near_names(name, by_name)
            error = PromptError(f"There is no style {name!r}.{near_hint(near)}", got=name, near=list(near))
            error.with_code("style_not_found")
            raise error
        prompt, negative = with_style(prompt, style.prompt), with_style(negative, style.negative_prompt)
    return replace(spell, prompt=prompt, negative_prompt=negative)


def with_style(prompt: str, style: str) -> str:
    """A1111's rule: `{prompt}` in the style is replaced, otherwise the style follows behind a comma."""
    if PLACE in style:
        return style.replace(PLACE, prompt)
    return ", ".join(filter(None, (prompt.strip(), style.strip())))
