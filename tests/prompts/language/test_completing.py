from __future__ import annotations

import pytest

from prompts.language.completing import Completion, Completions

TABLE = Completions(
    [
        Completion("tag", "lighthouse in the desert", "flavors", rank=4),
        Completion("word", "lighthouse", "place", rank=1),
        Completion("word", "lighthouse", "place", key="灯塔", rank=1),
        Completion("word", "light", "look", rank=1),
        Completion("tag", "light", "flavors", rank=4),
        Completion("tag", "a red lighthouse", "flavors", rank=4),
        Completion("lora", "Lightning", "sd15"),
    ]
)


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("light", ["light", "Lightning", "lighthouse", "lighthouse in the desert", "a red lighthouse"]),
        ("LIGHTH", ["lighthouse", "lighthouse in the desert", "a red lighthouse"]),
        ("灯", ["lighthouse"]),
        ("l", []),
        ("  ", []),
        ("nothing", []),
    ],
)
def test_the_exact_phrase_comes_first_then_beginnings_then_words_inside(query: str, texts: list[str]) -> None:
    assert [found.text for found in TABLE.find(query, 10)] == texts


def test_no_more_are_told_than_asked_for() -> None:
    assert len(TABLE.find("light", 2)) == 2
