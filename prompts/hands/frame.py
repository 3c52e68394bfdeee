"""Will hands be in frame? Read from the words of a prompt, with the reasons."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from prompts.expansion.data_files import load_toml
from prompts.expansion.notes import Note, note
from prompts.expansion.offline.words import contains

IN_FRAME = 0.5
"""From this likelihood on, hands are treated as being in frame."""

_LATIN = re.compile(r"[a-zA-Z]")
_PEOPLE_UNFRAMED = 0.6


@dataclass(frozen=True, slots=True)
class HandFrame:
    """What a prompt says about hands."""

    likelihood: float
    """0..1 that hands are seen."""
    reasons: tuple[Note, ...]
    """The deciding one first."""
    has_people: bool = True
    action: str | None = None
    """Key of `cues.toml` `actions` for what the hands do; `None` when nothing is said."""
    is_hidden: bool = False
    """The prompt already keeps the hands out of sight."""

    @property
    def in_frame(self) -> bool:
        """Whether hands are more likely than not."""
        return self.likelihood >= IN_FRAME


def look_for_hands(prompt: str) -> HandFrame:
    """Judge `prompt` (English or Chinese). An empty prompt has no people and no hands."""
    cues = load_toml("hands", "cues.toml")
    people = _first(prompt, cues["people"])
    named = _first(prompt, cues["hands"])
    hidden = _first(prompt, cues["hidden"])
    action, verb = _action(prompt, cues["actions"])
    has_people = people is not None
    if hidden is not None:
        return HandFrame(0.1, (note("hands.hidden", word=hidden),), has_people=has_people, is_hidden=True)
    if named is not None:
        return HandFrame(0.95, (note("hands.named", word=named),), has_people=has_people, action=action)
    if not has_people:
        return HandFrame(0.02, (note("hands.nobody"),), has_people=False)
    if action is not None:
        return HandFrame(0.9, (note("hands.busy", word=verb),), action=action)
    likelihood, why_framing = _framing(prompt, cues["framing"])
    return HandFrame(likelihood, (why_framing, note("hands.people", word=people)))


def _framing(prompt: str, framings: dict[str, Any]) -> tuple[float, Note]:
    """The tightest framing that is named decides: a close-up of a standing knight shows no hands."""
    for name, framing in framings.items():
        word = _first(prompt, framing)
        if word is not None:
            return float(framing["likelihood"]), note(f"hands.framing.{name}", word=word)
    return _PEOPLE_UNFRAMED, note("hands.unframed")


def _action(prompt: str, actions: dict[str, Any]) -> tuple[str | None, str | None]:
    for name, cue in actions.items():
        word = _first(prompt, cue)
        if word is not None:
            return name, word
    return None, None


def _first(prompt: str, cue: dict[str, Iterable[str]]) -> str | None:
    """The first word of a cue that `prompt` holds."""
    found = next((word for word in cue["chinese"] if word in prompt), None)
    if found is not None or not _LATIN.search(prompt):
        return found
    return next((word for word in cue["words"] if contains(prompt, word)), None)
