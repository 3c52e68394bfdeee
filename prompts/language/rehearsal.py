"""A dry run: what a request would draw, picture by picture, without drawing it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from prompts.language.dynamic import parse_template
from prompts.language.expanding import Expander, Wildcards
from prompts.language.networks import lift_loras
from prompts.language.styles import Style, apply_styles
from prompts.limits import SEED
from prompts.spell import Spell

PICTURES = 1_000
"""The most pictures of one dry run."""
WORK = 2_000_000
"""Parts looked at in one dry run: seconds."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture that would be drawn."""

    spell: Spell
    """Styles applied, choices drawn, LoRAs lifted, the picture's own seed; -1 when it is drawn at submit."""
    width: int | None
    """Pixels of the finished picture, after hires fix; `None` when the spell does not say."""
    height: int | None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would happen."""

    pictures: tuple[Picture, ...]
    combinations: int
    """How many different prompts the templates stand for, negative prompt included."""
    missing_loras: tuple[str, ...] = ()
    """LoRAs asked for that are not among the known ones."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a dry run may use."""

    styles: tuple[Style, ...] = ()
    wildcards: Wildcards | None = None
    known_loras: Collection[str] | None = None
    """`None` leaves LoRA names unchecked."""


def rehearse(spell: Spell, stage: Stage | None = None, styles: Iterable[str] = (), count: int = 1) -> Rehearsal:
    """The `count` pictures that `spell` would give, seeds counting up from the spell's as in A1111.

    Prompts may be templates (`prompts.language.dynamic`); each picture's choices are drawn by its seed, so the same
    request always gives the same pictures. Without a seed, choices are drawn by the picture's number.

    Raises:
        PromptError: An unknown style, wildcard or variable, or a template that grows without end.
    """
    stage = stage or Stage()
    styled = apply_styles(spell, styles, stage.styles)
    expander = Expander(stage.wildcards, WORK)
    combinations = expander.count(styled.prompt) * expander.count(styled.negative_prompt)
    pictures = tuple(_picture(styled, i, expander) for i in range(min(max(count, 0), PICTURES)))
    return Rehearsal(pictures, combinations, _missing(pictures, stage.known_loras))


def _picture(spell: Spell, number: int, expander: Expander) -> Picture:
    asked = spell.params.seed
    seed = -1 if asked in (None, -1) else ((asked or 0) + number) % (SEED[1] + 1)
    dice = number if seed == -1 else seed
    prompt, loras = lift_loras(_drawn(spell.prompt, dice, expander))
    negative = _drawn(spell.negative_prompt, dice, expander)
    drawn = replace(spell, prompt=prompt, negative_prompt=negative, loras=spell.loras + loras, written="")
    drawn = drawn.evolve(seed=seed)
    width, height = spell.params.width, spell.params.height
    hires = spell.params.hires
    if hires is not None and width is not None and height is not None:
        width, height = hires.target_size(width, height)
    return Picture(drawn, width, height)


def _drawn(text: str, dice: int, expander: Expander) -> str:
    return expander.draw(text, dice) if parse_template(text).is_dynamic else text


def _missing(pictures: tuple[Picture, ...], known: Collection[str] | None) -> tuple[str, ...]:
    if known is None:
        return ()
    folded = {name.casefold() for name in known}
    asked = dict.fromkeys(lora.name for picture in pictures for lora in picture.spell.loras)
    return tuple(name for name in asked if name.casefold() not in folded)
