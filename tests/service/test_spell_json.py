from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.spell import HiresFix, Lora, Params, Spell
from service.errors import RequestInvalid
from service.spell_json import SpellModel, spell_from_json, spell_to_json

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NAME = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
NUMBER = st.floats(-1e6, 1e6)
LORAS = st.lists(st.builds(Lora, NAME, NUMBER, st.none() | NUMBER), max_size=3).map(tuple)
HIRES = st.builds(
    HiresFix,
    upscale_by=NUMBER,
    resize_to=st.none() | st.tuples(st.integers(0, 4096), st.integers(0, 4096)),
    denoising_strength=NUMBER,
    prompt=st.none() | TEXT,
)
PARAMS = st.builds(Params, steps=st.none() | st.integers(), cfg_scale=st.none() | NUMBER, hires=st.none() | HIRES)
SPELLS = st.builds(Spell, TEXT, TEXT, LORAS, PARAMS, st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple))


@given(SPELLS)
def test_a_spell_survives_json_through_the_store_and_through_the_api(spell: Spell) -> None:
    assert spell_from_json(json.loads(json.dumps(spell_to_json(spell)))) == spell
    assert SpellModel.model_validate_json(SpellModel.from_domain(spell).model_dump_json()).to_domain() == spell


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"promt": "x"}, "promt"),
        ({"params": {"steps": "many"}}, "params.steps"),
        ({"params": {"cfg_scale": float("inf")}}, "params.cfg_scale"),
        ({"loras": [{"name": "", "weight": 1}]}, "loras.0.name"),
        ({"extra": [["a"]]}, "extra.0"),
        ([], "spell"),
    ],
)
def test_what_is_no_spell_is_refused_naming_the_place(data: object, field: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        spell_from_json(data)
    assert refused.value.stable_code == "spell_invalid"
    assert str(refused.value.facts["field"]).startswith(field)


def test_left_out_fields_mean_not_asked_for() -> None:
    assert spell_from_json({}) == Spell()
