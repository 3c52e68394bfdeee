"""What a picture or a paste said, which program wrote it, and what of it could not be said as a spell."""

from __future__ import annotations

from dataclasses import dataclass

from prompts.language.pieces import Loss
from prompts.spell import Spell


@dataclass(frozen=True, slots=True)
class Reading:
    """A spell with its provenance."""

    tool: str
    """`A1111` (and everything that writes its infotext), `Civitai`, `ComfyUI`, `InvokeAI`, `NovelAI`, `Fooocus`,
    `SD.Next`, `Draw Things`."""
    spell: Spell
    text: str
    """What was read, as it stood: infotext or JSON."""
    losses: tuple[Loss, ...] = ()
    """What the prompt says in the tool's dialect and A1111's cannot."""
    approximations: tuple[str, ...] = ()
    """Sentences about values that were guessed or rounded on the way."""
