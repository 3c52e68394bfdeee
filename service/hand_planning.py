"""The hand plan as every path applies it: the operator's default, a person's choice, and what is kept of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generator.errors import ModelMissing
from prompts.expansion.edit_json import edits_to_json
from prompts.expansion.edits import AddNegative, AddPhrase, Edit, RemoveNegative, RemovePhrase
from prompts.expansion.families import SD15, FamilyProfile
from prompts.expansion.notes import Note, note
from prompts.hands import RECORD, ActionKind, HandAction, HandPlan, apply_edits, plan_hands
from prompts.hands.plan import action_json
from prompts.hands.repair import HandRepair
from prompts.spell import Spell
from service.catalogue import Catalogue
from service.hand_choice import DETAIL, HandChoice, choice_in
from service.spells import Author, SpellVersion


@dataclass(frozen=True, slots=True)
class PlannedSpell:
    """A spell with the plan in it, and what that took."""

    spell: Spell
    plan: HandPlan
    choice: HandChoice
    edits: tuple[Edit, ...]
    """What the plan changed; empty when it stands already or has nothing to do."""
    is_brought: bool = False
    """Somebody brought the spell along, and nobody has chosen yet: it was left alone for now."""

    @property
    def seeds(self) -> int:
        """Pictures to make, of which the best is kept; 1 unless that strategy is chosen."""
        return max((action.seeds for action in self.actions), default=1)

    @property
    def repair(self) -> HandRepair | None:
        """How the finished hands are painted again; `None` unless that strategy is chosen."""
        return HandRepair() if any(action.kind == "repair" for action in self.actions) else None

    @property
    def actions(self) -> tuple[HandAction, ...]:
        """What was chosen."""
        return self.plan.chosen(_kinds(self.choice))

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was changed, for a person; empty when nothing was."""
        added = [edit.phrase for edit in self.edits if isinstance(edit, AddPhrase | AddNegative)]
        removed = [edit.phrase for edit in self.edits if isinstance(edit, RemovePhrase | RemoveNegative)]
        found = [note("hands.changed.added", words=", ".join(added))] if added else []
        return (*found, *([note("hands.changed.removed", words=", ".join(removed))] if removed else []))

    def details(self) -> dict[str, Any]:
        """For `SpellVersion.details[DETAIL]`."""
        record = dict(self.spell.extra).get(RECORD)
        if self.is_brought:
            return {"choice": None, "is_brought": True, "done": [], "edits": [], "record": record, "notes": []}
        return {
            "choice": self.choice if isinstance(self.choice, str) else list(self.choice),
            "done": [action_json(action) for action in self.actions],
            "edits": edits_to_json(self.edits),
            "record": record,
            "notes": [one.to_json() for one in self.notes],
        }


def is_brought(version: SpellVersion) -> bool:
    """Whether the spell was written by a person, and only its parameters were changed since."""
    found = version.details.get(DETAIL)
    return version.author is Author.EDIT or (isinstance(found, Mapping) and bool(found.get("is_brought")))


class HandPlanner:
    """Puts the plan into spells.

    Args:
        default: The operator's choice for whoever makes none.
    """

    def __init__(self, catalogue: Catalogue, default: HandChoice = "auto") -> None:
        self._catalogue = catalogue
        self._default = default

    async def plan(self, spell: Spell) -> HandPlan:
        """What can be done about hands in `spell`; an installed negative embedding is used by its real name."""
        installed = await self._catalogue.embeddings()
        return plan_hands(spell, await self._family(spell), [part.name for part in installed if part.is_usable])

    async def apply(self, spell: Spell, choice: HandChoice | None = None, locked: Sequence[str] = ()) -> PlannedSpell:
        """`spell` with what was chosen in it, and without what an earlier plan did and this one does not want."""
        chosen = self._default if choice is None else choice
        plan = await self.plan(spell)
        done, edits = apply_edits(spell, plan, _kinds(chosen), locked)
        return PlannedSpell(done, plan, chosen, tuple(edits))

    async def chosen_for(self, version: SpellVersion) -> PlannedSpell | None:
        """What was chosen for a stored version, its spell as it stands; `None` where nobody chose strategies.

        Several seeds and repair happen when a spell is drawn, so whoever draws it asks here.
        """
        choice = choice_in(version.details)
        if choice is None or isinstance(choice, str):
            return None
        return PlannedSpell(version.spell, await self.plan(version.spell), choice, ())

    async def _family(self, spell: Spell) -> FamilyProfile:
        try:
            return await self._catalogue.family_of(spell.params.checkpoint)
        except ModelMissing:  # a spell can be written before there is anything to draw it with
            return SD15


def _kinds(choice: HandChoice) -> tuple[ActionKind, ...] | None:
    return None if isinstance(choice, str) else choice
