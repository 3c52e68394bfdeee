"""Idea -> spell: through a language model when there is one, else by the offline expander, which says so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from prompts.errors import ChatModelError, PromptError
from prompts.expansion.catalogue import LoraCard, card_named, cards, missing_trigger
from prompts.expansion.chat_model import ChatModel, Message, ask, data_block
from prompts.expansion.data_files import load_text
from prompts.expansion.families import FamilyProfile
from prompts.expansion.language import Language, detect
from prompts.expansion.notes import Note, note
from prompts.expansion.offline.expander import expand_offline, params_for
from prompts.expansion.offline.translation import normalise
from prompts.expansion.phrases import has_tag, is_balanced
from prompts.expansion.proposals import SpellProposal
from prompts.language import lift_loras
from prompts.limits import LORA_WEIGHT, check_idea, check_spell
from prompts.spell import Lora, Spell

OFFLINE = "offline"
OnFailure = Literal["offline", "raise"]
"""What a failing language model means: go on without it, or raise its error."""

_FOREIGN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_NUMBERS = re.compile(r":\s*([-+]?(?:\d+\.?\d*|\.\d+))\s*[\])]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Expansion:
    """A spell made from an idea, and where it came from."""

    spell: Spell
    idea: str
    """What the person wrote, kept word for word (white space around it aside)."""
    by: str
    """`offline`, or the name of the language model that wrote it."""
    notes: tuple[Note, ...] = ()
    """For the person: choices made, words not understood, why the model was not used."""
    language: Language = "en"
    """Of the idea."""
    seed: int = 0
    """What made the offline choices; the same idea, family and seed give the same spell."""


async def expand(
    idea: str,
    family: FamilyProfile,
    chat: ChatModel | None = None,
    *,
    seed: int = 0,
    catalogue_loras: Iterable[LoraCard | str] = (),
    on_failure: OnFailure = "offline",
) -> Expansion:
    """A spell for `idea`, in the way `family` wants to be spoken to. Renders nothing.

    Args:
        idea: Any language; prompt syntax and LoRA tags in it survive.
        family: The model family that will draw it.
        chat: The language model; `None` uses the offline expander.
        seed: For the offline choices; any whole number.
        catalogue_loras: The only LoRAs that may be suggested.
        on_failure: What to do when the language model fails.

    Raises:
        PromptEmpty, PromptTooLong: See `prompts.limits.check_idea`.
        ChatModelError: The model failed and `on_failure` is `raise`.
    """
    idea = check_idea(idea)
    language = detect(lift_loras(idea)[0])
    known = cards(catalogue_loras)
    if chat is None:
        return _offline(idea, family, language, seed, known)
    try:
        return replace(await _by_model(idea, family, language, chat, known), seed=seed)
    except ChatModelError as failed:
        if on_failure == "raise":
            raise
        made = _offline(idea, family, language, seed, known)
        return replace(made, notes=(note("llm.failed", reason=failed.detail), *made.notes))


def _offline(idea: str, family: FamilyProfile, language: Language, seed: int, known: Sequence[LoraCard]) -> Expansion:
    made = expand_offline(idea, family, language, seed, known)
    return Expansion(made.spell, idea, OFFLINE, made.notes, language, seed)


async def _by_model(
    idea: str, family: FamilyProfile, language: Language, chat: ChatModel, known: Sequence[LoraCard]
) -> Expansion:
    text, own_loras = lift_loras(normalise(idea))
    messages = [
        Message("system", load_text("expansion", "templates", "expand.md")),
        Message("user", _request(text, family, known)),
    ]
    proposal = await ask(chat, messages, SpellProposal, lambda reply: _problems(reply, text, family, known, own_loras))
    return Expansion(
        _spell(proposal, family, known, own_loras),
        idea,
        chat.name,
        tuple(note("llm.said", text=said.strip()[:300]) for said in proposal.notes if said.strip()),
        language,
    )


def _request(text: str, family: FamilyProfile, known: Sequence[LoraCard]) -> str:
    about = {"family": family.name, "style": family.style, "max_tokens": family.max_tokens}
    catalogue = [{"name": c.name, "triggers": list(c.triggers), "about": c.about[:200]} for c in known[:60]]
    return "\n".join(
        [
            "Model family: " + json.dumps(about),
            data_block("lora catalogue", json.dumps(catalogue, ensure_ascii=False)),
            data_block("idea", text),
        ]
    )


def _problems(
    reply: SpellProposal, idea: str, family: FamilyProfile, known: Sequence[LoraCard], own: Sequence[Lora]
) -> list[str]:
    """What keeps a proposal from being used, each as a sentence the model can act on."""
    problems = [] if reply.prompt.strip() else ["The prompt is empty."]
    problems += _text_problems("prompt", reply.prompt, idea)
    problems += _text_problems("negative_prompt", reply.negative_prompt, idea)
    lost = [number for number in _NUMBERS.findall(idea) if number not in _NUMBERS.findall(reply.prompt)]
    if lost or idea.split().count("BREAK") > reply.prompt.split().count("BREAK"):
        problems.append("The idea's weights, schedules or BREAK are missing: keep (…:1.2), […:0.5] and BREAK.")
    unknown = [lora.name[:60] for lora in reply.loras if card_named(lora.name, known) is None]
    if unknown:
        problems.append(f"These LoRAs are not in the catalogue: {', '.join(unknown)}.")
    if not problems:
        try:
            check_spell(_spell(reply, family, known, own))
        except PromptError as refused:
            problems.append(refused.detail)
    return problems


def _text_problems(name: str, text: str, idea: str) -> list[str]:
    problems = []
    if has_tag(text):
        problems.append(f"`{name}` holds a <...> tag; LoRAs go under `loras`.")
    if _FOREIGN.search(text):
        problems.append(f"`{name}` is not English.")
    if not is_balanced(text) and is_balanced(idea):
        problems.append(f"The brackets of `{name}` are not closed.")
    if any(ord(char) < 32 and char != "\n" for char in text):
        problems.append(f"`{name}` holds control characters.")
    return problems


def _spell(reply: SpellProposal, family: FamilyProfile, known: Sequence[LoraCard], own_loras: Sequence[Lora]) -> Spell:
    prompt = " ".join(reply.prompt.split())
    loras = list(own_loras)
    low, high = LORA_WEIGHT
    for suggestion in reply.loras:
        card = card_named(suggestion.name, known)
        if card is None or any(lora.name.casefold() == card.name.casefold() for lora in loras):
            continue
        loras.append(Lora(card.name, min(max(suggestion.weight, low), high)))
        trigger = missing_trigger(card, prompt)
        prompt = f"{prompt.rstrip('. ')}, {trigger}" if trigger else prompt
    negative = " ".join(reply.negative_prompt.split())
    return Spell(prompt, negative, tuple(loras), params_for(reply.orientation, family))
