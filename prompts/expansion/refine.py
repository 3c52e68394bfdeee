"""Chat turn -> typed edits on a spell: by a language model when there is one, else by rules."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from prompts.errors import ChatModelError, PromptError, near_hint, near_names
from prompts.expansion.applying import apply, locks_after
from prompts.expansion.catalogue import LoraCard, card_named
from prompts.expansion.chat_model import ChatModel, Message, OnText, ask, data_block
from prompts.expansion.data_files import load_text
from prompts.expansion.diff import SpellDiff, diff
from prompts.expansion.edits import Edit, SetParam, UseLora
from prompts.expansion.expand import OFFLINE, OnFailure
from prompts.expansion.families import FamilyProfile
from prompts.expansion.offline.scene import Scene
from prompts.expansion.offline.turns import Turn, read_turn
from prompts.expansion.phrases import split
from prompts.expansion.proposals import TurnProposal
from prompts.expansion.reply_text import ReplyText
from prompts.limits import check_idea
from prompts.spell import Spell

_TRANSCRIPT_MESSAGES = 12
_TRANSCRIPT_CHARACTERS = 2_000
_VERSIONS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class TurnContext:
    """What a turn may look at beside the spell. Everything is optional."""

    locked: tuple[str, ...] = ()
    """Phrases that must survive."""
    catalogue_loras: tuple[LoraCard, ...] = ()
    """LoRAs that may be used, beside those the spell uses already."""
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names that a language model may give a parameter (`checkpoint`, `vae`); one that is not here may have any."""
    versions: tuple[Spell, ...] = ()
    """All versions so far, oldest first, for "use the second one"; the current spell is one of them."""
    undo_to: int | None = None
    """0-based index into `versions` that "undo" goes back to; `None` when there is nothing to undo."""
    on_failure: OnFailure = "offline"
    on_text: OnText | None = None
    """Sees the reply as it is written; the edits come only when they are complete and checked."""


@dataclass(frozen=True, slots=True)
class Refinement:
    """What one chat turn does."""

    edits: tuple[Edit, ...]
    spell: Spell
    """The base with the edits applied; equal to the old spell when nothing was understood."""
    diff: SpellDiff
    """Against the spell as it was before the turn."""
    reply: str
    """For the person, in the language of the message where the rules speak it."""
    by: str
    """`offline`, or the name of the language model."""
    understood: bool
    base_version: int | None = None
    """0-based index into `TurnContext.versions` when an earlier version was asked for; the edits apply to it."""
    locked: tuple[str, ...] = ()
    """The locked phrases after the turn."""


async def refine(
    spell: Spell,
    message: str,
    family: FamilyProfile,
    chat: ChatModel | None = None,
    transcript: Sequence[Message] = (),
    context: TurnContext | None = None,
) -> Refinement:
    """The edits that `message` asks for, applied to `spell`. The spell itself is never changed.

    Args:
        spell: What stands now.
        message: What the person wrote, in any language.
        family: The model family that will draw it.
        chat: The language model; `None` uses the rules.
        transcript: The conversation so far, oldest first; only its end is sent.
        context: Locks, catalogue, versions, and what to do when the model fails.

    Raises:
        PromptEmpty, PromptTooLong: See `prompts.limits.check_idea`.
        ChatModelError: The model failed and `context.on_failure` is `raise`; nothing was changed.
    """
    message = check_idea(message, "message")
    context = context or TurnContext()
    if chat is None:
        return _finished(spell, await _by_rules(spell, message, family, transcript, context), OFFLINE, context)
    try:
        return await _by_model(spell, message, family, chat, transcript, context)
    except ChatModelError as failed:
        if context.on_failure == "raise":
            raise
        turn = await _by_rules(spell, message, family, transcript, context)
        return _finished(spell, replace(turn, reply=f"{failed.detail} {turn.reply}"), OFFLINE, context)


async def _by_rules(
    spell: Spell, message: str, family: FamilyProfile, transcript: Sequence[Message], context: TurnContext
) -> Turn:
    replies = [line.content for line in transcript if line.role == "assistant"]
    scene = Scene(
        family,
        context.locked,
        context.catalogue_loras,
        undo_to=context.undo_to,
        last_reply=replies[-1] if replies else "",
    )
    # A long message on a long prompt takes a second or more; others are served meanwhile.
    turn = await asyncio.to_thread(read_turn, spell, message, scene, context.versions)
    if context.on_text is not None:
        context.on_text(turn.reply)
    return turn


async def _by_model(
    spell: Spell,
    message: str,
    family: FamilyProfile,
    chat: ChatModel,
    transcript: Sequence[Message],
    context: TurnContext,
) -> Refinement:
    messages = [
        Message("system", load_text("expansion", "templates", "refine.md")),
        Message("user", _request(spell, message, family, transcript, context)),
    ]
    tap = ReplyText(context.on_text).feed if context.on_text is not None else None
    reply = await ask(chat, messages, TurnProposal, lambda turn: _problems(turn, spell, context), tap)
    edits = tuple(edit.to_edit() for edit in reply.edits) if reply.understood else ()
    base = reply.base_version - 1 if reply.base_version and reply.understood else None
    turn = Turn(edits, reply.reply.strip(), reply.understood, base)
    return _finished(spell, turn, chat.name, context)


def _finished(spell: Spell, turn: Turn, by: str, context: TurnContext) -> Refinement:
    base = spell if turn.base_version is None else context.versions[turn.base_version]
    new = apply(base, turn.edits, context.locked)
    return Refinement(
        edits=turn.edits,
        spell=new,
        diff=diff(spell, new),
        reply=turn.reply,
        by=by,
        understood=turn.understood,
        base_version=turn.base_version,
        locked=locks_after(context.locked, turn.edits),
    )


def _request(
    spell: Spell, message: str, family: FamilyProfile, transcript: Sequence[Message], context: TurnContext
) -> str:
    params = {name: getattr(spell.params, name) for name in type(spell.params).__slots__ if name != "hires"}
    state = {
        "phrases": [p.text for p in split(spell.prompt)],
        "prompt": spell.prompt,
        "negative_prompt": spell.negative_prompt,
        "loras": [{"name": lora.name, "weight": lora.weight} for lora in spell.loras],
        "params": {name: value for name, value in params.items() if value is not None},
        "hires": spell.params.hires is not None,
        "locked": list(context.locked),
    }
    catalogue = [{"name": c.name, "triggers": list(c.triggers)} for c in context.catalogue_loras[:60]]
    first = max(0, len(context.versions) - _VERSIONS_SHOWN)
    earlier = [
        {"version": number, "prompt": version.prompt[:600]}
        for number, version in enumerate(context.versions[first:], first + 1)
    ]
    said = [{"role": m.role, "text": m.content[:_TRANSCRIPT_CHARACTERS]} for m in transcript[-_TRANSCRIPT_MESSAGES:]]
    blocks = [("spell", state), ("lora catalogue", catalogue), ("versions", earlier), ("conversation", said)]
    lines = ["Model family: " + json.dumps({"family": family.name, "style": family.style})]
    lines += [data_block(label, json.dumps(value, ensure_ascii=False)) for label, value in blocks if value]
    return "\n".join([*lines, data_block("message", message)])


def _problems(turn: TurnProposal, spell: Spell, context: TurnContext) -> list[str]:
    """What keeps a proposal from being applied, each as a sentence the model can act on."""
    if not turn.reply.strip() and not turn.edits and turn.base_version is None:
        return ["It is empty: write a `reply`, and the `edits` that the message asks for."]
    if not turn.understood:
        return []
    if turn.base_version is not None and not 1 <= turn.base_version <= len(context.versions):
        return [f"There is no version {turn.base_version}."]
    base = spell if turn.base_version is None else context.versions[turn.base_version - 1]
    try:
        edits = [edit.to_edit() for edit in turn.edits]
        apply(base, edits, context.locked)
    except PromptError as refused:
        return [refused.detail]
    used = {lora.name.casefold() for lora in base.loras}
    unknown = [
        edit.name[:60]
        for edit in edits
        if isinstance(edit, UseLora)
        and edit.name.casefold() not in used
        and card_named(edit.name, context.catalogue_loras) is None
    ]
    if unknown:
        return [f"These LoRAs are not in the catalogue: {', '.join(unknown)}."]
    return [problem for edit in edits if (problem := _unknown_file(edit, base, context)) is not None]


def _unknown_file(edit: Edit, base: Spell, context: TurnContext) -> str | None:
    if not isinstance(edit, SetParam) or edit.name not in context.files or edit.value is None:
        return None
    wanted, held = str(edit.value), str(getattr(base.params, edit.name))
    known = (*context.files[edit.name], held)
    if wanted.casefold() in map(str.casefold, known):
        return None
    return f"There is no {edit.name} {wanted[:60]!r}.{near_hint(near_names(wanted, known))}"
