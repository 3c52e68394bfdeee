import math

import pytest

from prompts.errors import PromptError, SpellOutOfRange
from prompts.hands.repair import HandRepair, check_hand_repair


def test_the_defaults_are_inside_every_range() -> None:
    assert check_hand_repair(HandRepair()) == HandRepair()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("denoising_strength", 1.1),
        ("denoising_strength", math.nan),
        ("mask_blur", 65),
        ("padding", -1),
        ("dilate", 129),
        ("below", 1.01),
        ("tries", 0),
        ("tries", 9),
    ],
)
def test_a_number_outside_its_range_is_told_with_the_range(field: str, value: float) -> None:
    with pytest.raises(SpellOutOfRange) as told:
        check_hand_repair(HandRepair(**{field: value}))  # type: ignore[arg-type]
    assert told.value.facts["field"] == f"hand_repair.{field}"
    assert len(told.value.facts["limit"]) == 2


def test_a_prompt_of_its_own_obeys_the_rules_of_prompts() -> None:
    with pytest.raises(PromptError):
        check_hand_repair(HandRepair(prompt="a hand\x00"))
