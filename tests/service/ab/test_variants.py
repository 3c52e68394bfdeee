from __future__ import annotations

import asyncio

import pytest

from prompts.errors import PromptError, SpellwrightError
from prompts.expansion.families import DEMO, SD15
from prompts.spell import Lora, Spell
from service.ab.variants import changed, difference, variant

PLAIN = Spell("a woman waving", "blurry").evolve(seed=1)


def made(text: str, family: object = SD15) -> Spell:
    return asyncio.run(changed(PLAIN, variant(text), family))  # type: ignore[arg-type]


def test_the_universal_list_goes_into_the_negative_prompt_after_what_is_there() -> None:
    spell = made("universal")
    assert spell.prompt == PLAIN.prompt
    assert spell.negative_prompt.startswith("blurry, bad hands, mutated hands")
    assert spell.negative_prompt.count("blurry") == 1


def test_the_hand_plan_follows_the_family_unless_one_is_named() -> None:
    assert "bad hands" in made("hands").negative_prompt
    assert made("hands", DEMO) == PLAIN
    assert made("hands@sd15", DEMO) == made("hands")
    assert "five fingers" in made("hands:pose").prompt and made("hands:pose").negative_prompt == "blurry"


def test_a_lora_a_negative_an_edit_and_another_prompt_are_variants() -> None:
    assert made("lora:ink:0.66").loras == (Lora("ink", 0.66),)
    assert made("lora:ink").loras == (Lora("ink", 0.8),)
    assert made("negative:extra fingers").negative_prompt == "blurry, extra fingers"
    assert made("edit:make it night").prompt == "a woman waving, at night"
    assert made("prompt:a cat <lora:ink:0.5>") == PLAIN.evolve(prompt="a cat", loras=(Lora("ink", 0.5),))


def test_the_difference_is_said_in_lines_and_is_empty_for_no_change() -> None:
    assert difference(PLAIN, made("negative:text")) == ["+ negative: text"]
    assert difference(PLAIN, made("hands", DEMO)) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "variant_unknown"),
        ("magic", "variant_unknown"),
        ("lora:", "variant_unknown"),
        ("universal:x", "variant_unknown"),
        ("hands@sd99", "family_not_found"),
        ("hands:gloves", "hand_strategy_unknown"),
        ("lora:ink:strong", "lora_invalid"),
        ("edit:zxqv blorp", "variant_unknown"),
    ],
)
def test_a_variant_that_means_nothing_is_told(text: str, code: str) -> None:
    with pytest.raises(PromptError) as caught:
        made(text)
    assert isinstance(caught.value, SpellwrightError) and caught.value.stable_code == code
