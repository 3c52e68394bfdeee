from __future__ import annotations

from typing import Any

import pytest

from prompts import HiresFix, Lora, Params, Spell
from prompts.errors import PromptEmpty, PromptError, PromptTooLong, SpellOutOfRange
from prompts.limits import IDEA_CHARACTERS, LORAS, PROMPT_CHARACTERS, check_idea, check_spell

GOOD = Spell("a cat", "bad", (Lora("x", 0.66),), Params(20, "Euler", "Karras", 7.0, 1, 512, 768, 2, hires=HiresFix()))


def test_a_sensible_spell_passes() -> None:
    check_spell(GOOD)
    check_spell(Spell())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"steps": 0}, "steps"),
        ({"steps": 151}, "steps"),
        ({"cfg_scale": -0.1}, "cfg_scale"),
        ({"cfg_scale": float("nan")}, "cfg_scale"),
        ({"cfg_scale": float("inf")}, "cfg_scale"),
        ({"seed": 2**32}, "seed"),
        ({"seed": -2}, "seed"),
        ({"clip_skip": 0}, "clip_skip"),
        ({"clip_skip": 13}, "clip_skip"),
        ({"width": 56}, "width"),
        ({"width": 2056}, "width"),
        ({"height": 513}, "height"),
        ({"loras": (Lora("x", 4.5),)}, "weight of LoRA x"),
        ({"loras": (Lora("x", 1.0, -5.0),)}, "UNet weight of LoRA x"),
        ({"loras": (Lora("x"),) * (LORAS + 1)}, "loras"),
        ({"hires": HiresFix(denoising_strength=1.1)}, "hires denoising_strength"),
        ({"hires": HiresFix(upscale_by=4.5)}, "hires upscale_by"),
        ({"hires": HiresFix(steps=151)}, "hires steps"),
        ({"hires": HiresFix(resize_to=(8192, 0))}, "hires width"),
    ],
)
def test_a_value_outside_its_range_is_refused_by_name(changes: dict[str, object], field: str) -> None:
    with pytest.raises(SpellOutOfRange) as caught:
        check_spell(GOOD.evolve(**changes))
    assert caught.value.facts["field"] == field
    assert caught.value.stable_code == "spell_out_of_range"


def test_minus_one_asks_for_a_random_seed() -> None:
    check_spell(GOOD.evolve(seed=-1))


def test_a_side_off_the_grid_names_the_nearest_on_it() -> None:
    with pytest.raises(SpellOutOfRange, match="for example 512"):
        check_spell(GOOD.evolve(width=515))


@pytest.mark.parametrize("field", ["prompt", "negative_prompt"])
def test_nothing_is_cut_from_a_prompt_that_is_too_long(field: str) -> None:
    check_spell(GOOD.evolve(**{field: "a" * PROMPT_CHARACTERS}))
    with pytest.raises(PromptTooLong) as caught:
        check_spell(GOOD.evolve(**{field: "a" * (PROMPT_CHARACTERS + 1)}))
    assert caught.value.facts == {"field": field, "got": PROMPT_CHARACTERS + 1, "limit": PROMPT_CHARACTERS}


def test_an_idea_is_trimmed_and_must_not_be_empty() -> None:
    assert check_idea("  a cat\n") == "a cat"
    with pytest.raises(PromptEmpty):
        check_idea(" \n")
    with pytest.raises(PromptTooLong):
        check_idea("a" * (IDEA_CHARACTERS + 1))


@pytest.mark.parametrize("character", ["\ud800", "\udfff", "\x00", "\x1b", "\x08"])
@pytest.mark.parametrize(
    "spell",
    [
        lambda c: Spell(f"a cat {c}"),
        lambda c: Spell("a cat", c),
        lambda c: Spell("a cat", loras=(Lora(f"x{c}"),)),
        lambda c: Spell("a cat", extra=(("key", c),)),
        lambda c: Spell("a cat", params=Params(checkpoint=c)),
        lambda c: Spell("a cat", params=Params(hires=HiresFix(prompt=c))),
    ],
)
def test_what_is_no_text_is_refused_wherever_it_stands(spell: object, character: str) -> None:
    with pytest.raises(PromptError) as caught:
        check_spell(spell(character))  # type: ignore[operator]
    assert caught.value.stable_code == "text_invalid"
    with pytest.raises(PromptError):
        check_idea(f"a cat{character}!")


def test_line_ends_tabs_emoji_and_combining_marks_are_text() -> None:
    check_spell(Spell("a cat\n\ton a mat 🐈‍⬛ e\u0301 مرحبا"))


@pytest.mark.parametrize("value", [9 * 10**399, -(10**400)])
def test_a_number_of_any_length_is_refused_without_repeating_it(value: int) -> None:
    with pytest.raises(SpellOutOfRange) as caught:
        check_spell(GOOD.evolve(steps=value))
    assert len(caught.value.detail) < 100


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"seed": 2**32}, "seed is 4294967296; it must be from 0 to 4294967295."),
        ({"cfg_scale": 50.5}, "cfg_scale is 50.5; it must be from 0 to 50."),
    ],
)
def test_limits_are_written_as_a_person_writes_them(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SpellOutOfRange) as caught:
        check_spell(GOOD.evolve(**given))
    assert caught.value.detail == sentence
