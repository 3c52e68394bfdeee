from __future__ import annotations

import torch

from generator.sampling.guidance import guide, needs_negative

ROWS = torch.tensor([[[[2.0]]], [[[5.0]]], [[[1.0]]]])


def test_guidance_moves_from_the_negative_past_the_positive() -> None:
    assert float(guide(ROWS[1:], (1.0,), 7.0)) == 1 + 7 * (5 - 1)


def test_and_adds_each_part_with_its_weight() -> None:
    assert float(guide(ROWS, (1.0, 0.5), 2.0)) == 1 + 2 * (2 - 1) + 2 * 0.5 * (5 - 1)


def test_scale_1_with_one_plain_prompt_needs_no_negative() -> None:
    assert not needs_negative((1.0,), 1.0)
    assert float(guide(ROWS[:1], (1.0,), 1.0)) == 2.0


def test_scale_1_with_and_or_a_weight_still_needs_the_negative() -> None:
    assert needs_negative((1.0, 1.0), 1.0)
    assert needs_negative((0.5,), 1.0)
    assert needs_negative((1.0,), 0.0)


def test_scale_0_is_the_negative_alone() -> None:
    assert float(guide(ROWS[1:], (1.0,), 0.0)) == 1.0
