"""Use case: what would keep the hands in order, and putting it into a spell or taking it out again."""

from __future__ import annotations

from prompts.hands import HandPlan
from service.catalogue import Catalogue
from service.hand_choice import DETAIL, HandChoice, choice_in
from service.hand_planning import HandPlanner
from service.library import Library
from service.spells import Author, SpellVersion


class Hands:
    """Plans for hands and puts them into stored spells."""

    def __init__(self, library: Library, catalogue: Catalogue, planner: HandPlanner | None = None) -> None:
        self._library = library
        self.planner = planner or HandPlanner(catalogue)

    async def plan(self, spell_id: str, number: int | None = None) -> tuple[SpellVersion, HandPlan]:
        """The version looked at and the plan for it; nothing is stored.

        Raises:
            NotFound: No such spell or version.
        """
        version = await self._library.get(spell_id, number)
        return version, await self.planner.plan(version.spell)

    async def apply(
        self, spell_id: str, parent: int | None = None, choice: HandChoice = "auto"
    ) -> tuple[SpellVersion, HandPlan]:
        """The next version with what was chosen; the same version when that stands already.

        Args:
            spell_id: Which spell.
            parent: The version looked at; `None` takes the newest.
            choice: The strategies; an empty one takes the plan out.

        Raises:
            NotFound: No such spell.
            Conflict: `parent` is not the newest version.
        """
        version = await self._library.get(spell_id, parent)
        planned = await self.planner.apply(version.spell, choice, tuple(version.details.get("locked", ())))
        if planned.spell == version.spell and choice == (choice_in(version.details) or "auto"):
            return version, planned.plan
        note = "The hand plan was applied." if choice else "The hand plan was taken out."
        stored = await self._library.edit(
            spell_id, planned.spell, version.number, note=note, author=Author.HANDS, details={DETAIL: planned.details()}
        )
        return stored, planned.plan
