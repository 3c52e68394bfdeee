from __future__ import annotations

import pytest

from prompts import HiresFix, Lora, Params, Spell
from prompts.errors import PromptError
from prompts.language.rehearsal import Stage, rehearse
from prompts.language.styles import Style

STAGE = Stage(
    styles=(Style("Ink", "ink of {prompt} <lora:ink:0.5>", "colour"),),
    wildcards={"animal": ("cat", "dog")},
    known_loras=("Oil",),
)
SPELL = Spell("{big|small} __animal__", "bad", (Lora("oil"),), Params(seed=7, width=512, height=512))


def test_a_dry_run_tells_every_picture_before_it_is_drawn() -> None:
    told = rehearse(SPELL.evolve(hires=HiresFix(2.0)), STAGE, ["Ink"], count=3)
    assert told.combinations == 4
    assert told.missing_loras == ("ink",)
    assert [picture.spell.params.seed for picture in told.pictures] == [7, 8, 9]
    assert {(picture.width, picture.height) for picture in told.pictures} == {(1024, 1024)}
    for picture in told.pictures:
        assert picture.spell.prompt in {
            f"ink of {size} {animal}" for size in ("big", "small") for animal in ("cat", "dog")
        }
        assert picture.spell.negative_prompt == "bad, colour"
        assert picture.spell.loras == (Lora("oil"), Lora("ink", 0.5))


def test_the_same_request_always_gives_the_same_pictures() -> None:
    assert rehearse(SPELL, STAGE, count=20) == rehearse(SPELL, STAGE, count=20)
    assert len({picture.spell.prompt for picture in rehearse(SPELL, STAGE, count=20).pictures}) == 4


def test_an_open_seed_stays_open() -> None:
    told = rehearse(SPELL.evolve(seed=None), STAGE, count=2)
    assert [picture.spell.params.seed for picture in told.pictures] == [-1, -1]


def test_seeds_wrap_at_the_largest() -> None:
    told = rehearse(SPELL.evolve(seed=2**32 - 1), STAGE, count=2)
    assert [picture.spell.params.seed for picture in told.pictures] == [2**32 - 1, 0]


def test_a_static_prompt_keeps_its_braces_and_backslashes() -> None:
    assert rehearse(Spell(r"a \(b\) $5")).pictures[0].spell.prompt == r"a \(b\) $5"


def test_what_is_missing_is_refused_by_name() -> None:
    with pytest.raises(PromptError, match="animal"):
        rehearse(Spell("__animl__"), STAGE)


def test_many_pictures_of_a_large_template_share_one_allowance() -> None:
    stage = Stage(wildcards={"a": ["{x|y|z}" * 900] * 5})
    spell = Spell("__a__" * 10)
    assert len(rehearse(spell, stage, count=3).pictures) == 3
    with pytest.raises(PromptError) as refused:
        rehearse(spell, stage, count=1000)
    assert refused.value.stable_code == "template_too_large"
