"""From asked-for to concrete: fill every default and draw the seed, once, when a job is made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from prompts.errors import SpellOutOfRange
from prompts.language import encoder_text, split_and
from prompts.limits import AND_PARTS, check_spell
from prompts.spell import HiresFix, Params, Spell
from prompts.vocabulary import sampler_named, schedule_type_named, split_sampler, upscaler_named

GENERAL_DEFAULTS = Params(
    steps=20, sampler="DPM++ SDE", schedule_type="Karras", cfg_scale=7.0, width=512, height=512, clip_skip=1
)
"""What is drawn when nothing is asked for; a checkpoint's own profile goes before it."""


def resolve(spell: Spell, defaults: Params, seed: int, upscalers: Iterable[str] = ()) -> Spell:
    """`spell` with canonical names and no open value.

    Args:
        spell: What was asked for.
        defaults: Values of the checkpoint's profile; its `None`s fall back to `GENERAL_DEFAULTS`.
        seed: Used when the spell asks for none (or -1).
        upscalers: Names of upscaling networks that are there beside the built-in ones.

    Raises:
        UnknownName: Sampler, schedule type or upscaler unknown.
        PromptTooLong, SpellOutOfRange: See `prompts.limits.check_spell`; or a prompt of more than `AND_PARTS`.
    """
    params = spell.params
    sampler, schedule = params.sampler, params.schedule_type
    if sampler is not None:
        sampler, suffix = split_sampler(sampler)
        schedule = schedule or suffix or "Automatic"
    filled: dict[str, Any] = {
        name: _first(getattr(params, name), getattr(defaults, name), getattr(GENERAL_DEFAULTS, name))
        for name in Params.__slots__
    }
    filled["sampler"] = sampler or filled["sampler"]
    filled["schedule_type"] = schedule_type_named(schedule or filled["schedule_type"])
    filled["seed"] = seed if params.seed in (None, -1) else params.seed
    filled["hires"] = None if params.hires is None else _canonical_hires(params.hires, upscalers)
    resolved = replace(spell, params=Params(**filled))
    check_spell(resolved)
    _check_parts("prompt", resolved.prompt)
    if resolved.params.hires is not None:
        _check_parts("hires prompt", resolved.params.hires.prompt or "")
    return resolved


def _check_parts(field: str, prompt: str) -> None:
    parts = len(split_and(encoder_text(prompt)))
    if parts > AND_PARTS:
        raise SpellOutOfRange(
            f"The {field} joins {parts} parts with AND; the limit is {AND_PARTS}. Say some of it in one part, "
            "with commas.",
            field=field,
            got=parts,
            limit=AND_PARTS,
        )


def _first(*values: object) -> object:
    return next((v for v in values if v is not None), None)


def _canonical_hires(hires: HiresFix, upscalers: Iterable[str]) -> HiresFix:
    sampler, schedule = hires.sampler, hires.schedule_type
    if sampler is not None:
        sampler, suffix = split_sampler(sampler)
        schedule = schedule or suffix
        sampler = sampler_named(sampler).name
    return replace(
        hires,
        upscaler=upscaler_named(hires.upscaler, upscalers),
        sampler=sampler,
        schedule_type=None if schedule is None else schedule_type_named(schedule),
    )
