"""A plan against broken hands: what could be done, what is done by default, and why. Never the blind list."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from prompts.expansion.edits import Edit
from prompts.expansion.families import SD15, FamilyProfile
from prompts.expansion.notes import NOTE_LANGUAGES, Note, note, texts
from prompts.hands import strategies
from prompts.hands.frame import look_for_hands
from prompts.hands.record import Record, bring_to, take_out, with_record
from prompts.hands.strategies import ActionKind, HandAction
from prompts.spell import Spell


@dataclass(frozen=True, slots=True)
class HandPlan:
    """What is to be done about hands in one spell."""

    hands_in_frame: bool
    likelihood: float
    """0..1 that hands are seen."""
    reasons: tuple[Note, ...]
    actions: tuple[HandAction, ...]

    @property
    def explanation(self) -> tuple[str, ...]:
        """The plan for a person, one line each, in English."""
        return self.explained("en")

    def explained(self, language: str) -> tuple[str, ...]:
        """The plan for a person, one line each."""
        return (self._verdict(language), *(_line(action, language) for action in self.actions))

    def chosen(self, kinds: Iterable[ActionKind] | None = None) -> tuple[HandAction, ...]:
        """The actions of these kinds; `None` gives those that are on."""
        wanted = None if kinds is None else set(kinds)
        return tuple(a for a in self.actions if (a.is_on if wanted is None else a.kind in wanted))

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON-able values; `texts` has every sentence in each language."""
        return {
            "hands_in_frame": self.hands_in_frame,
            "likelihood": self.likelihood,
            "reasons": texts(self.reasons),
            "actions": [action_json(action) for action in self.actions],
            "explanation": list(self.explanation),
            "texts": {
                language: {"reasons": texts(self.reasons, language), "explanation": list(self.explained(language))}
                for language in NOTE_LANGUAGES
            },
        }

    def _verdict(self, language: str) -> str:
        verdict = "hands.verdict.in" if self.hands_in_frame else "hands.verdict.out"
        joined = ("；" if language == "zh" else "; ").join(texts(self.reasons, language))
        return note(verdict, share=f"{self.likelihood:.0%}", reasons=joined).text(language)


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
    actions = [*strategies.negatives(clean, frame, family, embeddings)]
    if frame.in_frame:
        actions += [*strategies.pose(frame, family), *strategies.hide(frame, family)]
        actions += [strategies.seeds(), strategies.repair()]
    return HandPlan(frame.in_frame, frame.likelihood, frame.reasons, tuple(actions))


def apply_plan(
    spell: Spell, plan: HandPlan, kinds: Iterable[ActionKind] | None = None, locked: Sequence[str] = ()
) -> Spell:
    """`spell` with the plan's actions done, and written down so that `take_out` can undo them exactly.

    Args:
        spell: What a plan applied before did and this one does not want is taken out: applying twice
            is applying once.
        plan: From `plan_hands` on the same spell.
        kinds: The actions to do; `None` does those that are on, none takes the plan out.
        locked: Phrases that must stay although the plan put them there.
    """
    return apply_edits(spell, plan, kinds, locked)[0]


def apply_edits(
    spell: Spell, plan: HandPlan, kinds: Iterable[ActionKind] | None = None, locked: Sequence[str] = ()
) -> tuple[Spell, list[Edit]]:
    """(what `apply_plan` gives, the edits that got there), for whoever keeps a history of edits."""
    chosen = None if kinds is None else tuple(kinds)
    if chosen == ():
        done, edits = bring_to(spell, (), locked)
        return with_record(done, Record()), edits
    return bring_to(spell, [edit for action in plan.chosen(chosen) for edit in action.edits], locked)


def action_json(action: HandAction) -> dict[str, Any]:
    """An action as JSON-able values, with its name and reason in each language."""
    return {
        "kind": action.kind,
        "on": action.is_on,
        "why": action.why.text(),
        "seeds": action.seeds,
        "adds": list(action.adds),
        "key": action.why.key,
        "texts": {
            language: {"name": note(f"hands.kind.{action.kind}").text(language), "why": action.why.text(language)}
            for language in NOTE_LANGUAGES
        },
    }


def _line(action: HandAction, language: str) -> str:
    adds = note("hands.adds", words=", ".join(action.adds)).text(language) if action.adds else ""
    kind = note(f"hands.kind.{action.kind}").text(language)
    line = "hands.line.on" if action.is_on else "hands.line.off"
    return note(line, kind=kind, adds=adds, why=action.why.text(language)).text(language)
