from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from prompts import HiresFix, Lora, Params, Spell


def test_a_spell_cannot_be_changed_in_place() -> None:
    spell = Spell("a")
    with pytest.raises(FrozenInstanceError):
        spell.prompt = "b"  # type: ignore[misc]


def test_evolve_sends_each_name_to_the_field_it_belongs_to() -> None:
    spell = Spell("a", params=Params(steps=20, seed=1)).evolve(prompt="b", seed=2)
    assert spell == Spell("b", params=Params(steps=20, seed=2))


def test_evolve_refuses_a_name_nobody_has() -> None:
    with pytest.raises(TypeError):
        Spell().evolve(sead=1)


def test_the_written_infotext_is_no_part_of_what_a_spell_is() -> None:
    assert Spell("a", written="x") == Spell("a")
    assert hash(Spell("a", written="x")) == hash(Spell("a"))
    assert "written" not in repr(Spell("a", written="x"))


@pytest.mark.parametrize(
    ("lora", "unet"), [(Lora("x", 0.5), 0.5), (Lora("x", 0.5, 0.8), 0.8), (Lora("x", 0.5, 0.0), 0.0)]
)
def test_a_lora_without_unet_weight_uses_its_only_weight(lora: Lora, unet: float) -> None:
    assert lora.unet == unet


@pytest.mark.parametrize(
    ("hires", "expected"),
    [
        (HiresFix(2.0), (1024, 1536)),
        (HiresFix(1.5), (768, 1152)),
        (HiresFix(1.333), (682, 1023)),
        (HiresFix(resize_to=(800, 0)), (800, 1200)),
        (HiresFix(resize_to=(0, 900)), (600, 900)),
        (HiresFix(resize_to=(640, 640)), (640, 640)),
        (HiresFix(3.0, resize_to=(0, 0)), (1536, 2304)),
    ],
)
def test_the_second_pass_has_the_size_a1111_gives_it(hires: HiresFix, expected: tuple[int, int]) -> None:
    assert hires.target_size(512, 768) == expected


def test_only_concrete_parameters_are_resolved() -> None:
    params = Params(20, "Euler", "Automatic", 7.0, 1, 512, 512, checkpoint="demo")
    assert params.is_resolved
    assert not Spell(params=params).evolve(seed=-1).params.is_resolved
    assert not Spell(params=params).evolve(sampler=None).params.is_resolved
    assert not Params().is_resolved
