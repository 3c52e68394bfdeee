from __future__ import annotations

import pytest

from prompts.language import strip_comments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a cat", "a cat"),
        ("a # b", "a \n"),
        ("a # b\nc", "a \nc"),
        ("# b\nc", "\nc"),
        ("a\n# b\nc", "a\nc"),
        ("hair #ff0000, b", "hair \n"),
    ],
)
def test_everything_behind_a_hash_is_gone(text: str, expected: str) -> None:
    assert strip_comments(text) == expected
