"""What the engine is asked for: one picture."""

from __future__ import annotations

from dataclasses import dataclass

from generator.errors import UnsupportedSpell
from generator.events import Picture
from prompts.img2img import Img2Img
from prompts.spell import Spell


@dataclass(frozen=True, slots=True)
class SourcePicture:
    """The pixels that `Img2Img` names by key."""

    settings: Img2Img
    picture: Picture
    mask: Picture | None = None
    """RGB with equal channels; white is what changes. `None` without inpainting."""


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One picture to draw. Several pictures are several requests: the engine batches them by itself.

    Raises:
        UnsupportedSpell: The spell is not resolved (a seed or default is still open).
    """

    request_id: str
    """Chosen by the caller, unique while the request lives; the service uses `job_id/slot`."""
    spell: Spell
    """Resolved: see `prompts.resolve.resolve`."""
    preview_every: int = 0
    """UNet calls between two previews; 0 sends none."""
    source: SourcePicture | None = None
    """`None` for txt2img."""
    tenant: str = "local"
    """Whose picture it is: the device's time is shared out evenly among tenants."""

    def __post_init__(self) -> None:
        if not self.spell.params.is_resolved:
            raise UnsupportedSpell("The spell still has open values; resolve it before it enters the engine.")
