"""The words of an image call as a spell: written prompts are taken as they are, ideas are expanded first."""

from __future__ import annotations

import re
from typing import Any

from generator.errors import CheckpointNotFound
from prompts.language import lift_loras
from prompts.spell import Spell
from service.catalogue import CheckpointInfo
from service.services import Services

GENERIC_MODELS = ("dall-e-2", "dall-e-3", "gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "spellwright", "default")
"""Names that clients send when nobody chose one: the default checkpoint."""
_SYNTAX = re.compile(r"\([^()]*:\s*-?[\d.]+\)|\bBREAK\b|\[[^\[\]]*[:|][^\[\]]*\]|\(\(")
TAGS = 3  # commas from which a text counts as a written prompt


async def checkpoint_of(services: Services, model: str | None) -> CheckpointInfo:
    """The checkpoint that `model` names.

    Raises:
        CheckpointNotFound: code `model_not_found`.
    """
    is_generic = model is None or model.strip().casefold() in ("", *GENERIC_MODELS)
    try:
        return await services.catalogue.checkpoint(None if is_generic else model)
    except CheckpointNotFound as missing:
        missing.with_code("model_not_found").facts["field"] = "model"
        raise


def is_written_prompt(text: str) -> bool:
    """Whether `text` is a Stable Diffusion prompt already: tags, weights or LoRAs, in Latin letters."""
    if not text.isascii():
        return False
    return bool(lift_loras(text)[1]) or _SYNTAX.search(text) is not None or text.count(",") >= TAGS


async def spell_for(services: Services, words: str, checkpoint: CheckpointInfo) -> Spell:
    """The spell that `words` ask for.

    Raises:
        PromptEmpty, PromptTooLong, PolicyBlocked, ChatModelError: See `Expansions.create`.
    """
    if is_written_prompt(words):
        return Spell(prompt=words).evolve(checkpoint=checkpoint.name)
    version = await services.expansion.create(words, checkpoint=checkpoint.name)
    return version.spell


def with_values(spell: Spell, values: dict[str, Any]) -> Spell:
    """`spell` with parameters that the call fixes."""
    return spell.evolve(**values) if values else spell
