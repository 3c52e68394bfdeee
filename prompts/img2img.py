"""Drawing over a picture: what img2img and inpainting need beside the spell. Pixels are held apart, by key."""

from __future__ import annotations

from dataclasses import dataclass

RESIZE_MODES = ("Just resize", "Crop and resize", "Resize and fill", "Just resize (latent upscale)")
"""A1111's names, in the order of its numbers 0..3."""
MASKED_CONTENT = ("fill", "original", "latent noise", "latent nothing")
"""A1111's names, in the order of its numbers 0..3."""


@dataclass(frozen=True, slots=True)
class Inpaint:
    """Which part of the source is drawn anew. White in the mask is what changes."""

    mask: str
    """Blob key of an 8-bit grey picture; it is resized as the source is."""
    blur: int = 4
    """Gaussian blur of the mask's edge, in pixels of the drawn picture; 0..64."""
    masked_content: str = "original"
    """What lies under the mask before denoising; see `MASKED_CONTENT`."""
    invert: bool = False
    """Draw what is black instead."""
    only_masked: bool = False
    """Cut out the mask's box, draw it at the spell's full size, and paste it back."""
    only_masked_padding: int = 32
    """Pixels of surroundings around that box; 0..256."""


@dataclass(frozen=True, slots=True)
class Img2Img:
    """The picture that denoising starts from instead of pure noise."""

    source: str
    """Blob key of the picture."""
    denoising_strength: float = 0.75
    """0 keeps the source, 1 draws a new picture."""
    resize_mode: str = "Just resize"
    """How the source gets the spell's size; see `RESIZE_MODES`."""
    inpaint: Inpaint | None = None
