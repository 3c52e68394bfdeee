"""The page about faults names tests that exist, and leaves no fault out."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "faults.md").read_text("utf-8")


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`([a-z0-9_/]+\.py)::(test_\w+)`", PAGE)
    assert len(named) > 60
    missing = [f"{path}::{name}" for path, name in named if f"def {name}(" not in (TESTS / path).read_text("utf-8")]
    assert missing == []


def test_every_invariant_and_fault_is_on_the_page() -> None:
    assert [n for n in range(1, 10) if f"| I{n} |" not in PAGE] == []
    assert [n for n in range(1, 25) if f"F{n:02d}" not in PAGE] == []
