from __future__ import annotations

import pytest

from prompts.language import split_and


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a cat", [("a cat", 1.0)]),
        ("", [("", 1.0)]),
        ("a :1.2 AND b :-0.5", [("a", 1.2), (" b", -0.5)]),
        ("a AND b AND c:.5", [("a", 1.0), (" b", 1.0), (" c", 0.5)]),
        ("sand AND land", [("sand", 1.0), (" land", 1.0)]),
        ("ANDROID BAND", [("ANDROID BAND", 1.0)]),
        ("(a AND b:1.2)", [("(a", 1.0), (" b:1.2)", 1.0)]),
        ("a:1.", [("a", 1.0)]),
        ("a:1.2.3", [("a:1.2.3", 1.0)]),
        ("a:b:2", [("a:b", 2.0)]),
    ],
)
def test_and_divides_and_weighs(text: str, expected: list[tuple[str, float]]) -> None:
    assert split_and(text) == expected


def test_a_bare_trailing_weight_is_eaten_without_any_and() -> None:
    assert split_and("a cat:1.2") == [("a cat", 1.2)]
