"""Which class of look a word names."""

from __future__ import annotations

import pytest

from prompts.expansion.offline.recoloring import look_class


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("red", "color"),
        ("red and blue", "color"),
        ("red, and blue", "color"),
        ("red and blue and green", "color"),
        ("red and torn", ""),
        ("", ""),
        ("and", ""),
        ("'and", ""),
        ("and, and", ""),
        ("and red", ""),
        ("red and", ""),
    ],
)
def test_a_list_of_colors_is_a_color_and_a_bare_and_is_nothing(text: str, named: str) -> None:
    assert look_class(text) == named
