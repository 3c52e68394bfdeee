"""A plan against broken hands: what could be done, what is done by default, and why. Never the blind list."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from prompts.errors import EditError
from prompts.expansion.applying import apply
from prompts.expansion.data_files import load_toml
from prompts.expansion.edits import AddNegative, AddPhrase, Edit, RemoveNegative, RemovePhrase
from prompts.expansion.families import SD15, FamilyProfile
from prompts.expansion.phrases import split, weighted
from prompts.hands.frame import HandFrame, look_for_hands
from prompts.spell import Spell

ActionKind = Literal["hide", "pose", "negatives", "seeds", "repair"]
RECORD = "Hand plan"
"""Key in `Spell.extra` under which the added phrases are written down."""


@dataclass(frozen=True, slots=True)
class HandAction:
    """One thing that can be done about hands."""

    kind: ActionKind
    edits: tuple[Edit, ...]
    """Empty for what happens outside the spell: several seeds, repair."""
    why: str
    is_on: bool
    """Whether `apply_plan` does it unless told otherwise."""
    seeds: int = 1
    """Pictures to make, of which the best is kept."""


@dataclass(frozen=True, slots=True)
class HandPlan:
    """What is to be done about hands in one spell."""

    hands_in_frame: bool
    likelihood: float
    """0..1 that hands are seen."""
    reasons: tuple[str, ...]
    actions: tuple[HandAction, ...]

    @property
    def explanation(self) -> tuple[str, ...]:
        """The plan for a person, one line each."""
        verdict = "Hands will be in frame" if self.hands_in_frame else "Hands will not be in frame"
        head = f"{verdict} ({self.likelihood:.0%}): {'; '.join(self.reasons)}."
        return (head, *(f"[{'on' if a.is_on else 'off'}] {a.kind}: {_shown(a)}{a.why}" for a in self.actions))

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON-able values."""
        return {
            "hands_in_frame": self.hands_in_frame,
            "likelihood": self.likelihood,
            "reasons": list(self.reasons),
            "actions": [
                {"kind": a.kind, "on": a.is_on, "why": a.why, "seeds": a.seeds, "adds": list(_added_texts(a.edits))}
                for a in self.actions
            ],
            "explanation": list(self.explanation),
        }


def plan_hands(spell: Spell, family: FamilyProfile = SD15, embeddings: Collection[str] = ()) -> HandPlan:
    """What can be done about hands in `spell`; the spell is not changed.

    Args:
        spell: Its prompt decides, English or Chinese; a plan applied before is left aside.
        family: Decides which words help; pass the checkpoint's own.
        embeddings: Names of the installed textual inversions; a known negative one is used by its
            real name instead of the phrases.
    """
    clean = take_out(spell)
    frame = look_for_hands(clean.prompt)
    actions = [*_negatives(clean, frame, family, embeddings)]
    if frame.in_frame:
        actions += [*_pose(clean, frame, family), *_hide(frame, family), _seeds(), _repair()]
    return HandPlan(frame.in_frame, frame.likelihood, frame.reasons, tuple(actions))


def apply_plan(spell: Spell, plan: HandPlan, kinds: Iterable[ActionKind] | None = None) -> Spell:
    """`spell` with the plan's actions done, and written down so that `take_out` can undo them exactly.

    Args:
        spell: A plan applied before is taken out first: applying twice is applying once.
        plan: From `plan_hands` on the same spell.
        kinds: The actions to do; `None` does those that are on.
    """
    clean = take_out(spell)
    chosen = None if kinds is None else set(kinds)
    edits = [e for a in plan.actions if (a.is_on if chosen is None else a.kind in chosen) for e in a.edits]
    done = apply(clean, edits)
    added = {
        "prompt": _new_phrases(clean.prompt, done.prompt),
        "negative": _new_phrases(clean.negative_prompt, done.negative_prompt),
    }
    if not any(added.values()):
        return clean
    return done.evolve(extra=(*clean.extra, (RECORD, json.dumps(added, ensure_ascii=False))))


def take_out(spell: Spell) -> Spell:
    """`spell` without what `apply_plan` added; phrases that were edited or removed since stay as they are."""
    record = dict(spell.extra).get(RECORD)
    if record is None:
        return spell
    clean = spell.evolve(extra=tuple(pair for pair in spell.extra if pair[0] != RECORD))
    for edit in _removals(record):
        try:
            clean = apply(clean, [edit])
        except EditError:
            continue  # the person has changed or removed it since
    return clean


def _negatives(
    spell: Spell, frame: HandFrame, family: FamilyProfile, embeddings: Collection[str]
) -> Iterable[HandAction]:
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
    if edits:
        yield HandAction("negatives", edits, str(table["why"]), is_on=True)
    elif frame.in_frame and not phrases:
        yield HandAction("negatives", (), str(table.get("why", "No negatives are known for this family.")), is_on=False)
    elif not frame.has_people:
        yield HandAction("negatives", (), str(_strategy("negatives")["why_none"]), is_on=False)


def _pose(spell: Spell, frame: HandFrame, family: FamilyProfile) -> Iterable[HandAction]:
    strategy = _strategy("pose")
    if family.name not in strategy["families"]:
        return
    actions = load_toml("hands", "cues.toml")["actions"]
    said = actions[frame.action]["pose"] if frame.action else strategy["default"]
    edits = tuple(AddPhrase(phrase) for phrase in (said, strategy["anatomy"]))
    yield HandAction("pose", edits, str(strategy["why"]), is_on=frame.action is not None)


def _hide(frame: HandFrame, family: FamilyProfile) -> Iterable[HandAction]:
    strategy = _strategy("hide")
    if frame.action is not None or frame.likelihood > 0.9 or family.name not in strategy["families"]:
        return
    whole_body = frame.likelihood >= 0.8
    words = strategy["pose"] if whole_body else strategy["crop"]
    yield HandAction("hide", (AddPhrase(words),), str(strategy["why"]), is_on=False)


def _seeds() -> HandAction:
    strategy = _strategy("seeds")
    count = int(strategy["count"])
    return HandAction("seeds", (), str(strategy["why"]).format(count=count), is_on=False, seeds=count)


def _repair() -> HandAction:
    return HandAction("repair", (), str(_strategy("repair")["why"]), is_on=False)


def _strategy(name: str) -> dict[str, Any]:
    table: dict[str, Any] = load_toml("hands", "strategies.toml")[name]
    return table


def _new_phrases(old: str, new: str) -> list[str]:
    before = {p.key for p in split(old)}
    return [p.core for p in split(new) if p.key not in before]


def _removals(record: str) -> list[Edit]:
    try:
        added = json.loads(record)
        prompt, negative = added["prompt"], added["negative"]
        return [*(RemovePhrase(str(p)) for p in prompt), *(RemoveNegative(str(p)) for p in negative)]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []  # another tool's text under our key


def _added_texts(edits: Iterable[Edit]) -> Iterable[str]:
    return (e.phrase for e in edits if isinstance(e, AddPhrase | AddNegative))


def _shown(action: HandAction) -> str:
    texts = ", ".join(_added_texts(action.edits))
    return f"adds “{texts}”. " if texts else ""
