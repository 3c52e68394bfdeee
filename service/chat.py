"""Use case: a chat turn becomes the next version of a spell, or an answer that changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from prompts.errors import PromptEmpty
from prompts.expansion.catalogue import LoraCard
from prompts.expansion.chat_model import ChatModel, Message
from prompts.expansion.diff import SpellDiff
from prompts.expansion.edit_json import edits_to_json
from prompts.expansion.refine import Refinement, TurnContext, refine
from prompts.limits import check_idea, check_spell
from service.backbone import Backbone
from service.catalogue import Catalogue
from service.errors import Conflict
from service.library import Library
from service.policy import Policy
from service.spells import Author, ChatTurn, SpellVersion

TRANSCRIPT_TURNS = 12
OnText = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TurnResult:
    """What one message led to."""

    version: SpellVersion
    """The new version, or the one before when nothing was changed."""
    turn: ChatTurn
    diff: SpellDiff
    understood: bool
    """Whether the message was understood at all."""
    edits: list[Any]
    """The typed edits, JSON-able."""

    @property
    def is_changed(self) -> bool:
        """Whether the spell is another one now."""
        return not self.diff.is_empty


class Chats:
    """Message to version n+1.

    Args:
        backbone: Whose spell store and clock are used.
        library: Reads the spells.
        catalogue: Tells the family a prompt is for.
        policy: Screens messages and what comes of them.
        chat: The language model; `None` lets the offline refiner work.
    """

    def __init__(
        self, backbone: Backbone, library: Library, catalogue: Catalogue, policy: Policy, chat: ChatModel | None
    ) -> None:
        self._store = backbone.spells
        self._clock = backbone.clock
        self._library = library
        self._catalogue = catalogue
        self._policy = policy
        self._chat = chat

    async def turn(
        self,
        spell_id: str,
        message: str,
        *,
        parent: int | None = None,
        offline: bool = False,
        on_text: OnText | None = None,
    ) -> TurnResult:
        """Apply `message` to the newest version.

        Args:
            spell_id: Which spell.
            message: In any language.
            parent: The version the person was looking at; `None` takes the newest.
            offline: Do without the language model although one is configured.
            on_text: Called with pieces of the answer as they are written.

        Raises:
            NotFound: No such spell.
            Conflict: `parent` is not the newest version, before or after the language model's work.
            PromptEmpty, PromptTooLong: The message.
            PolicyBlocked: The screen refuses the message or what came of it.
            ChatModelError: The language model failed; nothing is stored.
        """
        text = _checked(message)
        self._policy.check_text(text)
        head = await self._library.get(spell_id)
        if parent is not None and parent != head.number:
            raise Conflict(
                f"This spell is at version {head.number} now, not {parent}. Load it and send the message again.",
                head=head.number,
                got=parent,
            )
        refinement = await self._refine(head, text, None if offline else self._chat, on_text)
        return await self._store_turn(head, text, refinement)

    async def _refine(
        self, head: SpellVersion, message: str, chat: ChatModel | None, on_text: OnText | None
    ) -> Refinement:
        family, loras, turns, versions = await asyncio.gather(
            self._catalogue.family_of(head.spell.params.checkpoint),
            self._catalogue.loras(),
            asyncio.to_thread(self._store.turns, head.spell_id),
            self._library.versions(head.spell_id),
        )
        context = TurnContext(
            locked=tuple(head.details.get("locked", ())),
            catalogue_loras=tuple(LoraCard(lora.name) for lora in loras if lora.is_usable),
            versions=tuple(version.spell for version in versions),
            on_failure="raise",
            on_text=on_text,
        )
        transcript = [
            line
            for turn in turns[-TRANSCRIPT_TURNS:]
            for line in (Message("user", turn.message), Message("assistant", turn.reply))
        ]
        return await refine(head.spell, message, family, chat, transcript, context)

    async def _store_turn(self, head: SpellVersion, message: str, refinement: Refinement) -> TurnResult:
        edits = edits_to_json(refinement.edits)
        now = self._clock()
        turn = ChatTurn(head.spell_id, 0, message, refinement.reply, refinement.by, head.number, now)
        locked = list(refinement.locked)
        if refinement.spell == head.spell and locked == list(head.details.get("locked", ())):
            stored_turn = await asyncio.to_thread(self._store.add_turn, turn)
            return TurnResult(head, stored_turn, refinement.diff, refinement.understood, edits)
        check_spell(refinement.spell)
        self._policy.check(refinement.spell)
        base = head.number if refinement.base_version is None else refinement.base_version + 1
        version = SpellVersion(
            head.spell_id,
            0,
            base,
            Author.CHAT,
            refinement.spell,
            now,
            note=message[:200],
            details={"by": refinement.by, "edits": edits, "locked": locked},
        )
        stored = await asyncio.to_thread(self._store.append, version, head.number, turn)
        turns = await asyncio.to_thread(self._store.turns, head.spell_id)
        return TurnResult(stored, turns[-1], refinement.diff, refinement.understood, edits)


def _checked(message: str) -> str:
    try:
        return check_idea(message)
    except PromptEmpty as empty:
        raise PromptEmpty("The message is empty. Write what should change.", field="message") from empty
