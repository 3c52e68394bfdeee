"""What the assistants may know of the local LoRAs: real names and trigger words, nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from prompts.expansion.phrases import phrase_key


@dataclass(frozen=True, slots=True)
class LoraCard:
    """One LoRA of the local catalogue, as far as writing a prompt needs it."""

    name: str
    triggers: tuple[str, ...] = ()
    """Words that the LoRA was trained to answer to; the prompt needs one of them."""
    weight: float = 0.8
    """The strength to suggest."""
    about: str = ""
    """One line for a person or a language model."""


def cards(loras: Iterable[LoraCard | str]) -> tuple[LoraCard, ...]:
    """Each LoRA as a card; a bare name becomes a card without trigger words."""
    return tuple(lora if isinstance(lora, LoraCard) else LoraCard(lora) for lora in loras)


def card_named(name: str, known: Iterable[LoraCard]) -> LoraCard | None:
    """The card called `name`, ignoring case; `None` when the catalogue has none."""
    wanted = name.strip().casefold()
    return next((card for card in known if card.name.casefold() == wanted), None)


def missing_trigger(card: LoraCard, prompt: str) -> str | None:
    """The first trigger word, when `prompt` holds none of them; `None` otherwise."""
    if not card.triggers or any(phrase_key(trigger) in phrase_key(prompt) for trigger in card.triggers):
        return None
    return card.triggers[0]
