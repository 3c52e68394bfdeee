"""`spellwright ab`, run as a person runs it, on the demo model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image


def test_a_comparison_writes_a_report_a_sheet_and_figures_that_agree(spellwright: Callable) -> None:
    ran = spellwright(
        *("ab", "a raised hand", "--variant", "universal", "--variant", "hands", "--variant", "edit:blue background"),
        *("--count", "2", "--steps", "2", "--seed", "5", "--out", "ab", "--json"),
    )
    assert ran.code == 0, ran.err
    found = ran.value
    assert found["seeds"] == [5, 6] and list(found["figures"]) == ["universal", "hands", "edit:blue background"]
    plain, universal, hands, blue = found["sides"][0]
    assert plain["spell"]["params"]["seed"] == universal["spell"]["params"]["seed"] == 5
    assert "bad hands" in universal["spell"]["negative_prompt"] and plain["spell"]["negative_prompt"] == ""
    assert hands["changes"] == [] and hands["scores"] == plain["scores"]
    assert blue["changes"] == ["+ blue background"] and blue["scores"] != plain["scores"]
    assert all(m["difference"] == 0 for m in found["figures"]["hands"]["measures"])
    assert json.loads(Path("ab/figures.json").read_text("utf-8"))["figures"] == found["figures"]
    html = Path("ab/report.html").read_text("utf-8")
    assert html.count("<img ") == 8 and "changes nothing here" in html and "http" not in html
    with Image.open("ab/sheet.png") as sheet:
        assert sheet.width > 2 * 128 and sheet.height > 4 * 128


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["a cat", "--variant", "magic"], "variant_unknown"),
        (["a cat", "--variant", "hands", "--count", "0"], "prompt_invalid"),
        (["a cat", "--variant", "lora:nope:1", "--count", "1", "--steps", "1"], "lora_not_found"),
    ],
)
def test_what_cannot_be_compared_is_told_in_one_line(spellwright: Callable, arguments: list[str], code: str) -> None:
    ran = spellwright("ab", *arguments)
    assert (ran.code, ran.err.strip().splitlines()[-1].endswith(f"[{code}]")) == (2, True), ran.err
