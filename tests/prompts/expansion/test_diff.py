"""What changed between two spells."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.expansion.diff import diff
from prompts.spell import HiresFix, Lora, Spell

BASE = Spell(prompt="a girl, (red hat:1.2), rain", negative_prompt="blurry", loras=(Lora("a", 0.5),)).evolve(steps=20)


@pytest.mark.parametrize(
    ("new", "lines"),
    [
        (BASE, []),
        (BASE.evolve(prompt="a girl, (red hat:1.2)"), ["- rain"]),
        (BASE.evolve(prompt="a girl, (red hat:1.2), rain, fog"), ["+ fog"]),
        (BASE.evolve(prompt="a girl, (red hat:1.4), rain"), ["~ red hat 1.2 -> 1.4"]),
        (BASE.evolve(prompt="a girl, red hat, snow"), ["- rain", "+ snow", "~ red hat 1.2 -> 1"]),
        (BASE.evolve(prompt="rain, a girl, (red hat:1.2)"), ["~ order or separators"]),
        (BASE.evolve(prompt="a girl BREAK (red hat:1.2), rain"), ["~ order or separators"]),
        (BASE.evolve(prompt="a girl, (red hat:1.2), rain, rain"), ["+ rain"]),
        (BASE.evolve(negative_prompt="text"), ["- negative: blurry", "+ negative: text"]),
        (BASE.evolve(steps=30), ["~ steps 20 -> 30"]),
        (BASE.evolve(seed=5), ["~ seed default -> 5"]),
        (BASE.evolve(cfg_scale=7.0), ["~ cfg_scale default -> 7"]),
        (BASE.evolve(hires=HiresFix()), ["~ hires off -> x2 Latent at 0.7"]),
        (BASE.evolve(loras=()), ["- LoRA a at 0.5"]),
        (BASE.evolve(loras=(Lora("a", 0.7), Lora("b"))), ["+ LoRA b at 1", "~ LoRA a 0.5 -> 0.7"]),
    ],
)
def test_each_change_is_one_line(new: Spell, lines: list[str]) -> None:
    assert diff(BASE, new).lines() == lines
    assert diff(BASE, new).is_empty is (not lines)


def test_a_change_inside_the_hires_pass_is_named() -> None:
    old, new = BASE.evolve(hires=HiresFix()), BASE.evolve(hires=HiresFix(upscale_by=1.5, resize_to=(800, 600)))
    assert diff(old, new).lines() == ["~ hires upscale_by 2 -> 1.5", "~ hires resize_to default -> [800, 600]"]


def test_the_json_form_is_json_and_holds_the_lines() -> None:
    made = diff(BASE, BASE.evolve(prompt="a girl, fog", steps=30, loras=(), hires=HiresFix(resize_to=(1, 2))))
    data = json.loads(json.dumps(made.to_json()))
    assert data["prompt"]["removed"] == ["(red hat:1.2)", "rain"] and data["lines"] == made.lines()


@given(st.lists(st.sampled_from(["a", "b", "(c:1.2)", "[d:e:0.5]", "f"]), max_size=5), st.integers(1, 50))
def test_a_spell_differs_in_nothing_from_itself(pieces: list[str], steps: int) -> None:
    spell = Spell(prompt=", ".join(pieces)).evolve(steps=steps)
    assert diff(spell, spell).is_empty
