"""The pages about expansion and hands name everything there is."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from prompts.expansion.edits import Edit
from prompts.expansion.families import FAMILIES
from prompts.hands import ActionKind

DOCS = Path(__file__).parents[3] / "docs"


def test_every_edit_and_family_is_documented() -> None:
    text = (DOCS / "expansion.md").read_text("utf-8")
    assert [kind.__name__ for kind in get_args(Edit) if f"`{kind.__name__}`" not in text] == []
    for family in FAMILIES:
        assert f"| `{family.name}` | {family.style}" in text
        assert f"| {family.defaults.steps} | {family.defaults.cfg_scale:g} |" in text


def test_every_hand_action_is_documented() -> None:
    text = (DOCS / "hands.md").read_text("utf-8")
    assert [kind for kind in get_args(ActionKind) if f"| `{kind}` |" not in text] == []
