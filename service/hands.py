"""Use case: what would keep the hands in order, and applying it."""

from __future__ import annotations

from prompts.hands import HandPlan, apply_plan, plan_hands
from prompts.spell import Spell
from service.catalogue import Catalogue
from service.library import Library
from service.spells import Author, SpellVersion


class Hands:
    """Plans for hands and puts them into spells."""

    def __init__(self, library: Library, catalogue: Catalogue) -> None:
        self._library = library
        self._catalogue = catalogue

    async def plan(self, spell_id: str, number: int | None = None) -> tuple[SpellVersion, HandPlan]:
        """The version looked at and the plan for it; nothing is stored.

        Raises:
            NotFound: No such spell or version.
        """
        version = await self._library.get(spell_id, number)
        return version, await self._plan(version.spell)

    async def apply(self, spell_id: str, parent: int | None = None) -> tuple[SpellVersion, HandPlan]:
        """The next version with the plan applied; the same version when the plan changes nothing.

        Raises:
            NotFound: No such spell.
            Conflict: `parent` is not the newest version.
        """
        version = await self._library.get(spell_id, parent)
        plan = await self._plan(version.spell)
        changed = apply_plan(version.spell, plan)
        if changed == version.spell:
            return version, plan
        note = "The hand plan was applied."
        return await self._library.edit(spell_id, changed, version.number, note=note, author=Author.HANDS), plan

    async def _plan(self, spell: Spell) -> HandPlan:
        return plan_hands(spell, await self._catalogue.family_of(spell.params.checkpoint))
