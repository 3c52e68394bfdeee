"""What painting a hand again is told; ADetailer's names and defaults where it has them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HandRepair:
    """How the hands of a finished picture are looked at and painted again."""

    denoising_strength: float = 0.4
    """0 changes nothing, 1 draws the box anew."""
    mask_blur: int = 4
    """Pixels of the drawn picture; 0..64."""
    padding: int = 32
    """Pixels of surroundings the model sees around the box; 0..256."""
    dilate: int = 4
    """Pixels the box grows on every side before it is painted; 0..128."""
    below: float = 0.9
    """Hands whose score is lower are painted again; 1 paints every hand."""
    tries: int = 2
    """Seeds tried for each hand; the best is kept, and the old one if none is better. 1..8."""
    prompt: str = ""
    """What is painted there; empty: the picture's own prompt."""
    negative_prompt: str = ""
    """Empty: the picture's own."""
