"""What kind of thing an English text is about, by the words of the glossary's English column."""

from __future__ import annotations

from typing import Literal

from prompts.expansion.offline.glossary import english_kinds
from prompts.expansion.offline.words import folded

SubjectKind = Literal["person", "animal", "place", "food", "thing"]

_FANTASY = (
    "dragon wizard witch elf orc fairy unicorn phoenix knight demon angel mermaid robot cyborg spaceship alien "
    "goblin sorcerer castle magic ghost vampire werewolf griffin centaur golem mech dwarf samurai ninja pirate"
)


def subject_kind(text: str) -> SubjectKind:
    """What `text` is mainly about: the first noun that the glossary knows decides; else `thing`."""
    kinds = english_kinds()
    for word in folded(text):
        kind = kinds.get(word)
        if kind in ("person", "animal", "food", "place"):
            return kind  # type: ignore[return-value]
        if kind == "thing":
            return "thing"
    return "thing"


def is_fantastic(text: str) -> bool:
    """Whether `text` names something that no camera has seen."""
    return not set(_FANTASY.split()).isdisjoint(folded(text))
