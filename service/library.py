"""Use case: the stored spells, their versions and differences, and edits by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from prompts.expansion.diff import SpellDiff, diff
from prompts.language import lift_loras
from prompts.limits import check_spell
from prompts.spell import Spell
from service.backbone import Backbone
from service.errors import NotFound
from service.policy import Policy
from service.search import EVERYTHING, Search
from service.spells import Author, ChatTurn, SpellSummary, SpellVersion


class Library:
    """Reads and writes spells; every write is a new version."""

    def __init__(self, backbone: Backbone, policy: Policy) -> None:
        self._store = backbone.spells
        self._clock = backbone.clock
        self._new_id = backbone.new_id
        self._policy = policy
        self._person = backbone.person

    async def create(
        self,
        spell: Spell,
        author: Author,
        *,
        note: str = "",
        idea: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> SpellVersion:
        """Store version 1 of a new spell; `<lora:…>` tags in its text become LoRAs.

        A spell read out of a picture is kept as it was found; its numbers meet the limits when it is drawn.

        Raises:
            PromptError: Outside the limits.
            PolicyBlocked: The screen refuses it.
        """
        clean = self._checked(spell, as_found=author is Author.METADATA)
        version = SpellVersion(
            self._new_id(), 1, None, author, clean, self._clock(), note, idea, details or {}, self._person
        )
        return await asyncio.to_thread(self._store.create, version)

    async def edit(
        self,
        spell_id: str,
        spell: Spell,
        parent: int,
        *,
        note: str = "",
        author: Author = Author.EDIT,
        details: Mapping[str, Any] | None = None,
    ) -> SpellVersion:
        """Store `spell` as the version after `parent`; `details` come on top of those that are carried on.

        Raises:
            NotFound: No such spell.
            Conflict: `parent` is not the newest version.
            PromptError, PolicyBlocked: See `create`.
        """
        clean = self._checked(spell)
        before = await self.get(spell_id, parent)
        told = carried_on(before.details) | dict(details or {})
        version = SpellVersion(spell_id, 0, parent, author, clean, self._clock(), note, None, told, self._person)
        return await asyncio.to_thread(self._store.append, version, parent)

    async def branch(
        self,
        spell_id: str,
        spell: Spell,
        head: int,
        base: int,
        *,
        note: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> SpellVersion:
        """Store `spell`, made from the older version `base`, as the version after `head`, the newest one.

        Raises:
            NotFound: No such spell or version.
            Conflict: `head` is not the newest version.
            PromptError, PolicyBlocked: See `create`.
        """
        clean = self._checked(spell)
        before = await self.get(spell_id, base)
        told = carried_on(before.details) | dict(details or {})
        version = SpellVersion(spell_id, 0, base, Author.EDIT, clean, self._clock(), note, None, told, self._person)
        return await asyncio.to_thread(self._store.append, version, head)

    async def get(self, spell_id: str, number: int | None = None) -> SpellVersion:
        """One version, or the newest.

        Raises:
            NotFound: No such spell or version.
        """
        if number is None:
            version = await asyncio.to_thread(self._store.head, spell_id)
        else:
            version = await asyncio.to_thread(self._store.version, spell_id, number)
        if version is None:
            raise NotFound
        return version

    async def versions(self, spell_id: str) -> Sequence[SpellVersion]:
        """All versions, oldest first.

        Raises:
            NotFound: No such spell.
        """
        versions = await asyncio.to_thread(self._store.versions, spell_id)
        if not versions:
            raise NotFound
        return versions

    async def turns(self, spell_id: str) -> Sequence[ChatTurn]:
        """The chat, oldest first; empty when nobody said anything."""
        return await asyncio.to_thread(self._store.turns, spell_id)

    async def page(self, limit: int, before: str | None = None, search: Search = EVERYTHING) -> Sequence[SpellSummary]:
        """Those that fit, newest first; `before` is the last id of the page above."""
        return await asyncio.to_thread(self._store.page, limit, before, search)

    async def difference(self, spell_id: str, old: int, new: int) -> SpellDiff:
        """What changed from version `old` to version `new`.

        Raises:
            NotFound: No such spell or version.
        """
        before, after = await asyncio.gather(self.get(spell_id, old), self.get(spell_id, new))
        return diff(before.spell, after.spell)

    def _checked(self, spell: Spell, *, as_found: bool = False) -> Spell:
        clean = with_lifted_loras(spell)
        if not as_found:
            check_spell(clean)
        self._policy.check(clean)
        return clean


def carried_on(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details that hold for the versions after as well: locked phrases, and what was chosen about hands."""
    carried = {"locked": details["locked"]} if details.get("locked") else {}
    hands = details.get("hands")
    return carried | ({"hands": {"choice": hands.get("choice")}} if isinstance(hands, Mapping) else {})


def with_lifted_loras(spell: Spell) -> Spell:
    """`spell` with the `<lora:…>` tags of its prompt as LoRAs; a tag goes before a LoRA of the same name."""
    text, found = lift_loras(spell.prompt)
    if not found:
        return spell
    names = {lora.name.casefold() for lora in found}
    kept = tuple(lora for lora in spell.loras if lora.name.casefold() not in names)
    return spell.evolve(prompt=text, loras=kept + found)
