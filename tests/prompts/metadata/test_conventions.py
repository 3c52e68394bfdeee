from __future__ import annotations

import pytest

from prompts import Params, Spell
from prompts.metadata import parse_infotext, with_conventions

LINE = "a\nSteps: 20, Sampler: DPM++ 2M, CFG scale: 7, Seed: 1, Size: 512x512"


@pytest.mark.parametrize(
    ("tail", "schedule", "rng", "clip_skip"),
    [
        ("Version: v1.6.0", "Uniform", "GPU", 1),
        ("Version: v1.9.0", "Automatic", "GPU", 1),
        ("RNG: CPU, Clip skip: 2", "Automatic", "CPU", 2),
        ("Schedule type: Karras", "Karras", "GPU", 1),
    ],
)
def test_what_a1111_leaves_out_is_said(tail: str, schedule: str, rng: str, clip_skip: int) -> None:
    spell = with_conventions(parse_infotext(f"{LINE}, {tail}"))
    assert (spell.params.schedule_type, spell.params.clip_skip) == (schedule, clip_skip)
    assert dict(spell.extra)["RNG"] == rng
    assert with_conventions(spell) == spell


def test_a_prompt_is_no_recipe() -> None:
    assert with_conventions(Spell("a")) == Spell("a")
    assert with_conventions(Spell("a", params=Params(steps=5, sampler="Made up"))).params.schedule_type is None
