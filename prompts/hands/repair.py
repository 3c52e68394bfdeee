"""What painting a hand again is told; ADetailer's names and defaults where it has them."""

from __future__ import annotations

from dataclasses import dataclass

from prompts.errors import SpellOutOfRange
from prompts.img2img import MASK_BLUR, ONLY_MASKED_PADDING
from prompts.limits import DENOISING_STRENGTH, check_characters

_PAIR = "Hand repair"
Pairs = tuple[tuple[str, str], ...]
"""Infotext pairs, as in `Spell.extra`."""
DILATE = (0, 128)  # pixels
BELOW = (0.0, 1.0)
TRIES = (1, 8)


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


def check_hand_repair(repair: HandRepair) -> HandRepair:
    """`repair`, when every number of it is inside its range.

    Raises:
        SpellOutOfRange: A number outside its range; NaN too.
        PromptError: A character that no prompt may hold.
    """
    for field in ("prompt", "negative_prompt"):
        check_characters(f"hand_repair.{field}", getattr(repair, field))
    ranges = {
        "denoising_strength": DENOISING_STRENGTH,
        "mask_blur": MASK_BLUR,
        "padding": ONLY_MASKED_PADDING,
        "dilate": DILATE,
        "below": BELOW,
        "tries": TRIES,
    }
    for name, (low, high) in ranges.items():
        value = getattr(repair, name)
        if not low <= value <= high:
            raise SpellOutOfRange(
                f"hand_repair.{name} is {value}; it can be {low:g} to {high:g}.",
                field=f"hand_repair.{name}",
                got=str(value),
                limit=[low, high],
            )
    return repair


def with_hand_repair(extra: Pairs, repair: HandRepair | None) -> Pairs:
    """`extra` saying how hands were repaired; `None` takes such a pair out."""
    kept = tuple(pair for pair in extra if pair[0] != _PAIR)
    if repair is None:
        return kept
    told = f"denoising strength {repair.denoising_strength:g}, below {repair.below:g}, tries {repair.tries}"
    return (*kept, (_PAIR, told))
