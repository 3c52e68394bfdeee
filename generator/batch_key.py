"""What must be equal for two pictures to share one UNet call. No torch."""

from __future__ import annotations

from dataclasses import dataclass

LoraSet = tuple[tuple[str, float], ...]
"""(what identifies the file's content, strength), in the spell's order, without those of strength 0."""


@dataclass(frozen=True, slots=True)
class BatchKey:
    """Rows of one UNet call have equal keys; everything else (seed, sampler, step, CFG scale) is per row.

    Guidance on or off is not in it: a guided picture simply brings two rows.
    """

    checkpoint: str
    shape: tuple[int, int, int]
    """(channels, height, width) in latent cells."""
    chunks: int
    """Length of the text context in 75-token chunks."""
    unet_loras: LoraSet
    """What stands on the UNet's weights during the call."""
    is_tiling: bool = False
    """Whether the convolutions wrap around the edges during the call."""
