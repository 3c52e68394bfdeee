"""Model families."""

from __future__ import annotations

import pytest

from prompts.errors import UnknownName
from prompts.expansion.families import FAMILIES, SD15, FamilyProfile, family_named
from prompts.limits import check_spell
from prompts.resolve import resolve
from prompts.spell import Spell
from prompts.vocabulary import sampler_named, upscaler_named


def test_a_family_is_found_by_name_and_an_unknown_one_is_answered_with_near_names() -> None:
    assert family_named(" SD15 ") is SD15
    with pytest.raises(UnknownName) as caught:
        family_named("sd16")
    assert caught.value.stable_code == "family_not_found" and "sd15" in caught.value.facts["near"]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_the_defaults_of_every_family_make_a_usable_spell_in_every_format(family: FamilyProfile) -> None:
    for width, height in ((family.defaults.width, family.defaults.height), family.portrait, family.landscape):
        spell = Spell(params=family.defaults).evolve(width=width, height=height, hires=family.hires, checkpoint="x")
        check_spell(resolve(spell, family.defaults, 1))
    assert sampler_named(family.defaults.sampler).name == family.defaults.sampler
    assert upscaler_named(family.hires.upscaler) == family.hires.upscaler
