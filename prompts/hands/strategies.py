"""What can be done about hands: one small pure function each; its words are in data files."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from prompts.expansion.data_files import load_toml
from prompts.expansion.edits import AddNegative, AddPhrase
from prompts.expansion.families import FamilyProfile
from prompts.expansion.notes import Note, note
from prompts.expansion.phrases import split, weighted
from prompts.hands.frame import HandFrame
from prompts.spell import Spell

ActionKind = Literal["hide", "pose", "negatives", "seeds", "repair"]


@dataclass(frozen=True, slots=True)
class HandAction:
    """One thing that can be done about hands."""

    kind: ActionKind
    edits: tuple[AddPhrase | AddNegative, ...]
    """Empty for what happens outside the spell: several seeds, repair."""
    why: Note
    is_on: bool
    """Whether it is done unless somebody chooses otherwise."""
    seeds: int = 1
    """Pictures to make, of which the best is kept."""

    @property
    def adds(self) -> tuple[str, ...]:
        """The phrases it puts into the spell."""
        return tuple(edit.phrase for edit in self.edits)


def negatives(
    spell: Spell, frame: HandFrame, family: FamilyProfile, embeddings: Collection[str]
) -> Iterable[HandAction]:
    """Phrases the family learned, or a negative embedding by its real name; nothing where no people are."""
    table = load_toml("hands", "negatives.toml").get(family.name, {})
    phrases = []
    if frame.in_frame:
        installed = {name.casefold(): name for name in embeddings}
        known = [installed[name.casefold()] for name in table.get("embeddings", ()) if name.casefold() in installed]
        weight = float(table.get("hands_weight", 1.0))
        phrases += known[:1] or [weighted(phrase, weight) for phrase in table.get("hands", ())]
    if frame.has_people:
        phrases += [weighted(phrase, float(table.get("people_weight", 1.0))) for phrase in table.get("people", ())]
    held = {p.key for p in split(spell.negative_prompt)}
    edits = tuple(AddNegative(phrase) for phrase in phrases if {p.key for p in split(phrase)} - held)
    why = note(f"hands.negatives.{family.name if table else 'unknown'}")
    if edits:
        yield HandAction("negatives", edits, why, is_on=True)
    elif frame.in_frame and not phrases:
        yield HandAction("negatives", (), why, is_on=False)
    elif not frame.has_people:
        yield HandAction("negatives", (), note("hands.negatives.none"), is_on=False)


def pose(frame: HandFrame, family: FamilyProfile) -> Iterable[HandAction]:
    """The pose said plainly, and how many fingers there are."""
    strategy = _strategy("pose")
    if family.name not in strategy["families"]:
        return
    actions = load_toml("hands", "cues.toml")["actions"]
    said = actions[frame.action]["pose"] if frame.action else strategy["default"]
    edits = tuple(AddPhrase(phrase) for phrase in (said, strategy["anatomy"]))
    yield HandAction("pose", edits, note("hands.pose.why"), is_on=frame.action is not None)


def hide(frame: HandFrame, family: FamilyProfile) -> Iterable[HandAction]:
    """A crop or a pose without hands, when nothing in the prompt needs them."""
    strategy = _strategy("hide")
    if frame.action is not None or frame.likelihood > 0.9 or family.name not in strategy["families"]:
        return
    words = strategy["pose"] if frame.likelihood >= 0.8 else strategy["crop"]  # the whole body, or less
    yield HandAction("hide", (AddPhrase(words),), note("hands.hide.why"), is_on=False)


def seeds() -> HandAction:
    """Several pictures, of which the best is kept."""
    count = int(_strategy("seeds")["count"])
    return HandAction("seeds", (), note("hands.seeds.why", count=count), is_on=False, seeds=count)


def repair() -> HandAction:
    """Repainting the hand afterwards."""
    return HandAction("repair", (), note("hands.repair.why"), is_on=False)


def _strategy(name: str) -> dict[str, Any]:
    table: dict[str, Any] = load_toml("hands", "strategies.toml")[name]
    return table
