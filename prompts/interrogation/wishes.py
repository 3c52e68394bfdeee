"""What one person wants of one interrogation: for which kind of model, from which terms, how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from prompts.errors import UnknownName, near_hint, near_names
from prompts.expansion.families import FAMILIES, PromptStyle
from prompts.interrogation.terms import TermFilter

TARGETS: dict[str, PromptStyle] = {
    "tags": "tags",
    "prose": "prose",
    "caption": "caption",
    **{family.name: family.style for family in FAMILIES},
}
"""What the words can be meant for, by style or by model family, and the style that follows."""
MAX_TOKENS = (8, 77)
"""Least and most of `Wishes.max_tokens`; a CLIP text tower reads 77."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """The defaults want everything, as tags."""

    target: PromptStyle = "tags"
    """`tags`: phrases between commas (SD1.5). `prose`: sentences (SDXL). `caption`: one plain phrase (demo)."""
    rules: TermFilter = field(default_factory=TermFilter)
    """Which terms may be used."""
    max_tokens: int | None = None
    """Longest prompt in the text tower's tokens, start and end included; `None` is the tower's own limit."""

    @property
    def caption_tokens(self) -> int | None:
        """Longest caption: a sentence has a full stop behind it."""
        return self.max_tokens and self.max_tokens - (self.target == "prose")

    def to_json(self) -> dict[str, Any]:
        """Plain values, inverse of `wishes_from_json`."""
        return {
            "target": self.target,
            "artists": self.rules.with_artists,
            "brands": self.rules.with_brands,
            "blocked": sorted(self.rules.blocked),
            "lists": sorted(self.rules.lists),
            "max_tokens": self.max_tokens,
        }


def wishes_from_json(values: Mapping[str, Any]) -> Wishes:
    """The wishes that `Wishes.to_json` wrote; what is missing is as by default.

    Raises:
        UnknownName: code `target_not_found`.
    """
    rules = TermFilter(
        with_artists=bool(values.get("artists", True)),
        with_brands=bool(values.get("brands", True)),
        blocked=frozenset(values.get("blocked", ())),
        lists=frozenset(values.get("lists", ())),
    )
    return Wishes(target_named(str(values.get("target", "tags"))), rules, values.get("max_tokens"))


def target_named(text: str) -> PromptStyle:
    """The style of a target, by its own name or by a family's, in any case.

    Raises:
        UnknownName: code `target_not_found`, with near names.
    """
    style = TARGETS.get(text.strip().casefold())
    if style is not None:
        return style
    near = near_names(text, TARGETS)
    raise UnknownName(
        f"There is no target {text[:40]!r} for a prompt.{near_hint(near)} Targets: {', '.join(TARGETS)}.",
        field="target",
        got=text[:40],
        near=list(near),
    ).with_code("target_not_found")
