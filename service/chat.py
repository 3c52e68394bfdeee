"""Use case: a chat turn becomes the next version of a spell, or an answer that changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from prompts.errors import ChatModelBudgetSpent, EditError, PromptEmpty
from prompts.expansion.applying import apply, locks_after
from prompts.expansion.chat_model import ChatModel, Message
from prompts.expansion.diff import SpellDiff, diff
from prompts.expansion.edit_json import edits_to_json
from prompts.expansion.edits import Edit
from prompts.expansion.language import detect
from prompts.expansion.notes import texts
from prompts.expansion.refine import Refinement, TurnContext, refine
from prompts.limits import check_idea, check_spell
from service.backbone import Backbone
from service.catalogue import Catalogue
from service.errors import Conflict
from service.hand_choice import DETAIL, HandChoice, choice_in
from service.hand_planning import HandPlanner, PlannedSpell, is_brought
from service.language_model import budget_note
from service.library import Library, carried_on
from service.policy import Policy
from service.spells import Author, ChatTurn, SpellVersion
from service.version_tree import before, details_of_return

TRANSCRIPT_TURNS = 12
OnText = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TurnOptions:
    """What a turn may be told beside its message."""

    base: int | None = None
    """The version to start from; `None` is the newest, another one makes a branch."""
    hands: HandChoice | None = None
    """What to do about hands from now on; `None` goes on as before."""
    is_proposal: bool = False
    """Store nothing: the answer shows what would be done, and `Chats.accept` does it."""


PLAIN_TURN = TurnOptions()


@dataclass(frozen=True, slots=True)
class TurnResult:
    """What one message led to."""

    version: SpellVersion
    """The new version, or the one before when nothing was changed; of a proposal, what would be stored."""
    turn: ChatTurn
    diff: SpellDiff
    understood: bool
    """Whether the message was understood at all."""
    edits: list[Any]
    """The typed edits, JSON-able."""
    is_proposal: bool = False
    """Nothing was stored."""

    @property
    def is_changed(self) -> bool:
        """Whether the spell is another one now."""
        return not self.diff.is_empty


class Chats:
    """Message to version n+1.

    Args:
        backbone: Whose spell store and clock are used.
        library: Reads the spells.
        catalogue: Tells the family a prompt is for, and the LoRAs.
        policy: Screens messages and what comes of them.
        chat: The language model; `None` lets the offline refiner work.
        planner: Keeps the hand plan up to date with the spell; by default as the plan itself has it.
    """

    def __init__(
        self,
        backbone: Backbone,
        library: Library,
        catalogue: Catalogue,
        policy: Policy,
        chat: ChatModel | None,
        planner: HandPlanner | None = None,
    ) -> None:
        self._store = backbone.spells
        self._clock = backbone.clock
        self._person = backbone.person
        self._library = library
        self._catalogue = catalogue
        self._policy = policy
        self._chat = chat
        self._planner = planner or HandPlanner(catalogue)

    async def turn(
        self,
        spell_id: str,
        message: str,
        *,
        parent: int | None = None,
        offline: bool = False,
        on_text: OnText | None = None,
        options: TurnOptions = PLAIN_TURN,
    ) -> TurnResult:
        """Apply `message` to the newest version, or to `options.base`.

        Args:
            spell_id: Which spell.
            message: In any language.
            parent: The version the person was looking at; `None` takes the newest.
            offline: Do without the language model although one is configured.
            on_text: Called with pieces of the answer as they are written.
            options: See `TurnOptions`.

        Raises:
            NotFound: No such spell or version.
            Conflict: `parent` is not the newest version, before or after the language model's work.
            PromptEmpty, PromptTooLong: The message.
            PolicyBlocked: The screen refuses the message or what came of it.
            ChatModelError: The language model failed; nothing is stored.
        """
        text = _checked(message)
        self._policy.check_text(text)
        head, base = await self._start(spell_id, parent, options.base)
        refinement = await self._refine(base, head, text, None if offline else self._chat, on_text)
        return await self._store_turn(_Start(head, base, text), refinement, options)

    async def accept(
        self, spell_id: str, edits: Sequence[Edit], parent: int, *, note: str = "", options: TurnOptions = PLAIN_TURN
    ) -> TurnResult:
        """Store the version that typed `edits` make of `parent`, the newest version, or of `options.base`.

        Raises:
            NotFound, Conflict, PolicyBlocked: As `turn`.
            EditError, PromptError: An edit that does not fit; nothing is stored.
        """
        head, base = await self._start(spell_id, parent, options.base)
        locked = tuple(base.details.get("locked", ()))
        spell = apply(base.spell, edits, locked)
        changes, kept = diff(head.spell, spell), locks_after(locked, edits)
        made = Refinement(tuple(edits), spell, changes, "", "accepted", understood=True, locked=kept)
        if options.base is not None:
            made = replace(made, base_version=options.base - 1)
        return await self._store_turn(_Start(head, base, note), made, options)

    async def go_back(self, spell_id: str, to: int | None = None, parent: int | None = None) -> SpellVersion:
        """Store a version that stands for an earlier one; nothing is lost.

        Args:
            spell_id: Which spell.
            to: The version to go back to; `None` is the one that the newest was made from.
            parent: The version the person was looking at; `None` takes the newest.

        Raises:
            NotFound, Conflict: As `turn`.
            EditError: The newest version is the first: there is nothing to undo.
        """
        head, _ = await self._start(spell_id, parent, None)
        wanted = to if to is not None else before(await self._library.versions(spell_id), head.number)
        if wanted is None:
            raise EditError("This is the first version; there is nothing to undo.", head=head.number)
        target = await self._library.get(spell_id, wanted)
        version = replace(
            target,
            parent=target.number,
            created_at=self._clock(),
            note=f"Back to version {target.number}.",
            person=self._person,
            details=carried_on(target.details) | details_of_return(target, ()),
        )
        return await asyncio.to_thread(self._store.append, version, head.number)

    async def _start(self, spell_id: str, parent: int | None, base: int | None) -> tuple[SpellVersion, SpellVersion]:
        head = await self._library.get(spell_id)
        if parent is not None and parent != head.number:
            raise Conflict(
                f"This spell is at version {head.number} now, not {parent}. Load it and send the message again.",
                head=head.number,
                got=parent,
            )
        return head, head if base is None else await self._library.get(spell_id, base)

    async def _refine(
        self, base: SpellVersion, head: SpellVersion, message: str, chat: ChatModel | None, on_text: OnText | None
    ) -> Refinement:
        family, cards, checkpoints, vaes, turns, versions = await asyncio.gather(
            self._catalogue.family_of(base.spell.params.checkpoint),
            self._catalogue.lora_cards(),
            self._catalogue.checkpoints(),
            self._catalogue.vaes(),
            asyncio.to_thread(self._store.turns, head.spell_id),
            self._library.versions(head.spell_id),
        )
        earlier = before(versions, base.number)
        context = TurnContext(
            locked=tuple(base.details.get("locked", ())),
            catalogue_loras=cards,
            files={"checkpoint": tuple(c.name for c in checkpoints), "vae": tuple(v.name for v in vaes)},
            versions=tuple(version.spell for version in versions),
            undo_to=None if earlier is None else earlier - 1,
            on_failure="raise",
            on_text=on_text,
        )
        transcript = [
            line
            for turn in turns[-TRANSCRIPT_TURNS:]
            for line in (Message("user", turn.message), Message("assistant", turn.reply))
        ]
        try:
            return await refine(base.spell, message, family, chat, transcript, context)
        except ChatModelBudgetSpent as spent:
            made = await refine(base.spell, message, family, None, transcript, context)
            return replace(made, reply=f"{budget_note(spent).text(detect(message))} {made.reply}")

    async def _store_turn(self, start: _Start, refinement: Refinement, options: TurnOptions) -> TurnResult:
        head, base = start.head, start.base
        edits = edits_to_json(refinement.edits)
        turn = ChatTurn(
            head.spell_id, 0, start.message, refinement.reply, refinement.by, head.number, self._clock(), self._person
        )
        locked = list(refinement.locked)
        is_same = refinement.spell == base.spell and locked == list(base.details.get("locked", ()))
        if is_same and refinement.base_version is None and options.hands is None:
            stored_turn = turn if options.is_proposal else await asyncio.to_thread(self._store.add_turn, turn)
            return TurnResult(
                head, stored_turn, refinement.diff, refinement.understood, edits, is_proposal=options.is_proposal
            )
        source = await self._source(start, refinement)
        planned = await self._planned(source, refinement, options)
        turn = replace(turn, reply=_with_notes(turn.reply, planned, start.message))
        check_spell(planned.spell)
        self._policy.check(planned.spell)
        version = SpellVersion(
            head.spell_id,
            head.number + 1,
            source.number,
            Author.CHAT,
            planned.spell,
            self._clock(),
            note=start.message[:200],
            details={"by": refinement.by, "edits": edits, "locked": locked, DETAIL: planned.details()}
            | details_of_return(source, refinement.edits),
            person=self._person,
        )
        changes = diff(head.spell, planned.spell)
        if options.is_proposal:
            return TurnResult(version, turn, changes, refinement.understood, edits, is_proposal=True)
        stored = await asyncio.to_thread(self._store.append, version, head.number, turn)
        turns = await asyncio.to_thread(self._store.turns, head.spell_id)
        return TurnResult(stored, turns[-1], changes, refinement.understood, edits)

    async def _source(self, start: _Start, refinement: Refinement) -> SpellVersion:
        """The version that the edits apply to."""
        if refinement.base_version is None:
            return start.base
        return await self._library.get(start.head.spell_id, refinement.base_version + 1)

    async def _planned(self, source: SpellVersion, refinement: Refinement, options: TurnOptions) -> PlannedSpell:
        """The hand plan brought up to date, by what was chosen now, earlier, or by the operator.

        What somebody brought along is left alone until they choose, or, unless it came with a picture,
        until a turn changes the words of its prompt. A version that is gone back to stands as it was.
        """
        choice = options.hands if options.hands is not None else choice_in(source.details)
        waits = choice is None and is_brought(source) and refinement.spell.prompt == source.spell.prompt
        if waits or (choice is None and source.author is Author.METADATA):
            choice = ()
        planned = replace(await self._planner.apply(refinement.spell, choice, refinement.locked), is_brought=waits)
        if refinement.spell == source.spell and options.hands is None:
            return replace(planned, spell=refinement.spell, edits=())
        return planned


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a turn begins."""

    head: SpellVersion
    base: SpellVersion
    message: str


def _with_notes(reply: str, planned: PlannedSpell, message: str) -> str:
    return " ".join([reply, *texts(planned.notes, detect(message))]).strip()


def _checked(message: str) -> str:
    try:
        return check_idea(message, "message")
    except PromptEmpty as empty:
        raise PromptEmpty("The message is empty. Write what should change.", field="message") from empty
