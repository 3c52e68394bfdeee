"""What A1111 means by leaving a key out, put into words, for a picture that is to be repeated."""

from __future__ import annotations

from dataclasses import replace

from prompts.metadata.doctor import is_before
from prompts.spell import Spell
from prompts.vocabulary import SAMPLERS


def with_conventions(spell: Spell) -> Spell:
    """`spell` with the values that A1111's infotext leaves out: clip skip 1, the schedule type, RNG of the GPU.

    A schedule type is filled in only for a known sampler: `Automatic`, or before version 1.9, when a name without
    suffix meant so, `Uniform`. What the spell says stays. A spell without steps is a prompt, not a recipe: nothing
    is filled in.
    """
    params = spell.params
    if params.steps is None:
        return spell
    schedule = params.schedule_type
    if schedule is None and any(sampler.name == params.sampler for sampler in SAMPLERS):
        schedule = "Uniform" if is_before(spell, (1, 9)) else "Automatic"
    extra = spell.extra if any(key == "RNG" for key, _ in spell.extra) else (*spell.extra, ("RNG", "GPU"))
    filled = replace(params, clip_skip=params.clip_skip or 1, schedule_type=schedule)
    return replace(spell, params=filled, extra=extra)
