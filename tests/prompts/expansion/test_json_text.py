"""Finding the JSON object in what a model wrote."""

from __future__ import annotations

import time
from typing import Any

import pytest

from prompts.expansion.json_text import find_object


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('Sure: {"a": {"b": [1, 2]}} done', {"a": {"b": [1, 2]}}),
        ('{oops} {"a": 1}', {"a": 1}),
        ('{"a": "}{"}', {"a": "}{"}),
        ('<think>{"no": 1}</think>{"a": 1}', {"a": 1}),
        ("", None),
        ("[1, 2]", None),
        ("null", None),
        ('{"a": NaN}', None),
        ('{"a": Infinity}', None),
        ('{"a": 1', None),
        ("{'a': 1}", None),
    ],
)
def test_the_first_object_is_found_or_none(text: str, found: dict[str, Any] | None) -> None:
    assert find_object(text) == found


@pytest.mark.parametrize("text", ["[" * 100_000, "{" * 64_000, '{"a":' * 10_000, "{}" * 30_000, '{"' * 30_000])
def test_hostile_nesting_is_refused_in_bounded_time(text: str) -> None:
    began = time.perf_counter()
    assert find_object(text) in (None, {})
    assert time.perf_counter() - began < 2.0
