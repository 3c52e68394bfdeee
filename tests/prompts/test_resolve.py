from __future__ import annotations

import pytest

from prompts import HiresFix, Params, Spell
from prompts.errors import SpellOutOfRange, UnknownName
from prompts.limits import AND_PARTS
from prompts.resolve import GENERAL_DEFAULTS, resolve

PROFILE = Params(steps=30, width=768, checkpoint="demo")


def test_an_empty_spell_gets_the_profile_then_the_general_defaults() -> None:
    params = resolve(Spell("a"), PROFILE, seed=7).params
    assert params.is_resolved
    assert (params.steps, params.width, params.height, params.seed) == (30, 768, 512, 7)
    assert (params.sampler, params.schedule_type) == (GENERAL_DEFAULTS.sampler, GENERAL_DEFAULTS.schedule_type)


@pytest.mark.parametrize("asked", [None, -1])
def test_an_open_seed_is_drawn_and_a_given_one_kept(asked: int | None) -> None:
    assert resolve(Spell(params=Params(seed=asked)), PROFILE, seed=7).params.seed == 7
    assert resolve(Spell(params=Params(seed=3)), PROFILE, seed=7).params.seed == 3


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Params(sampler="DPM++ SDE Karras"), ("DPM++ SDE", "Karras")),
        (Params(sampler="k_euler_a"), ("Euler a", "Automatic")),
        (Params(sampler="Euler", schedule_type="sgm_uniform"), ("Euler", "SGM Uniform")),
        (Params(schedule_type="exponential"), ("DPM++ SDE", "Exponential")),
    ],
)
def test_names_become_canonical(asked: Params, expected: tuple[str, str]) -> None:
    params = resolve(Spell(params=asked), PROFILE, seed=1).params
    assert (params.sampler, params.schedule_type) == expected


def test_the_hires_names_become_canonical_too() -> None:
    hires = HiresFix(upscaler="latent (NEAREST)", sampler="DPM++ 2M Karras")
    resolved = resolve(Spell(params=Params(hires=hires)), PROFILE, seed=1).params.hires
    assert resolved == HiresFix(upscaler="Latent (nearest)", sampler="DPM++ 2M", schedule_type="Karras")


def test_resolving_twice_changes_nothing() -> None:
    once = resolve(Spell("a", params=Params(sampler="Euler a", hires=HiresFix())), PROFILE, seed=1)
    assert resolve(once, PROFILE, seed=99) == once


def test_an_unknown_name_or_value_is_refused() -> None:
    with pytest.raises(UnknownName):
        resolve(Spell(params=Params(sampler="nope")), PROFILE, seed=1)
    with pytest.raises(UnknownName):
        resolve(Spell(params=Params(hires=HiresFix(upscaler="nope"))), PROFILE, seed=1)
    with pytest.raises(SpellOutOfRange):
        resolve(Spell(params=Params(steps=1000)), PROFILE, seed=1)


@pytest.mark.parametrize("field", ["prompt", "hires prompt"])
def test_more_parts_than_the_engine_draws_are_refused_where_a_job_is_made(field: str) -> None:
    def spell(parts: int) -> Spell:
        text = " AND ".join(f"a cat {n} :0.5" for n in range(parts))
        return Spell(text) if field == "prompt" else Spell("a", params=Params(hires=HiresFix(prompt=text)))

    assert resolve(spell(AND_PARTS), PROFILE, seed=1)
    with pytest.raises(SpellOutOfRange, match=f"joins {AND_PARTS + 1} parts with AND") as refused:
        resolve(spell(AND_PARTS + 1), PROFILE, seed=1)
    assert refused.value.facts == {"field": field, "got": AND_PARTS + 1, "limit": AND_PARTS}


def test_an_and_that_is_no_word_of_the_positive_prompt_joins_nothing() -> None:
    said = " AND ".join("abc" * AND_PARTS)
    resolve(Spell("<lora:" + said + ":1> sAND, # " + said, said), PROFILE, seed=1)
