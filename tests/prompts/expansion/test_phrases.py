"""Splitting a prompt into phrases without losing its syntax."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.expansion.phrases import has_tag, is_balanced, phrase_key, split, unwrap, weighted

PROMPTISH = st.text(alphabet="ab ,()[]{}:|.12\\<>BREAKND，\n女", max_size=60)


@pytest.mark.parametrize(
    ("prompt", "cores"),
    [
        ("", []),
        ("  ", []),
        ("a cat", ["a cat"]),
        ("a cat, a dog", ["a cat", "a dog"]),
        ("a cat,, a dog ,", ["a cat", "a dog"]),
        ("(red hat:1.2), rain", ["red hat", "rain"]),
        ("((red hat))", ["red hat"]),
        ("[red hat]", ["red hat"]),
        ("[cat:dog:0.5], rain", ["[cat:dog:0.5]", "rain"]),
        ("[cat|dog]", ["[cat|dog]"]),
        ("(a, b:1.2), c", ["a", "b", "c"]),
        ("(a, (b:1.3):1.2)", ["a", "b"]),
        ("a cat BREAK a dog", ["a cat", "a dog"]),
        ("a cat AND a dog :1.2", ["a cat", "a dog :1.2"]),
        ("BREAKFAST, AND1", ["BREAKFAST", "AND1"]),
        ("a cat <lora:x:0.8>, rain", ["a cat", "rain"]),
        ("a cat, <lora:x, y:1>", ["a cat"]),
        (r"a \(b, c\), d", [r"a \(b", r"c\)", "d"]),
        ("一个女孩，夜景、雨", ["一个女孩", "夜景", "雨"]),
        ("a cat\na dog", ["a cat", "a dog"]),
        ("(a cat, a dog", ["(a cat, a dog"]),
        ("a cat), a dog", ["a cat)", "a dog"]),
        ("{a|b}, c", ["{a|b}", "c"]),
        ("A photo of a cat. Soft light, fog.", ["A photo of a cat", "Soft light", "fog"]),
        ("v1.5, (a:1.2), f/1.8 lens", ["v1.5", "a", "f/1.8 lens"]),
    ],
)
def test_a_prompt_is_split_at_commas_outside_brackets(prompt: str, cores: list[str]) -> None:
    assert [p.core for p in split(prompt)] == cores


@pytest.mark.parametrize(
    ("text", "core", "weight"),
    [
        ("a", "a", 1.0),
        ("(a)", "a", 1.1),
        ("((a))", "a", 1.21),
        ("[a]", "a", 0.9091),
        ("(a:1.5)", "a", 1.5),
        ("((a:1.5))", "a", 1.65),
        ("(a: 1.3 )", "a", 1.3),
        ("(a:.5)", "a", 0.5),
        ("(a:1e1)", "a:1e1", 1.1),
        ("(a)(b)", "(a)(b)", 1.0),
        ("[a:b:0.5]", "[a:b:0.5]", 1.0),
        ("(a:1_0)", "a:1_0", 1.1),
        ("(a:１.５)", "a:１.５", 1.1),
        ("()", "", 1.1),
    ],
)
def test_attention_brackets_are_unwrapped_with_the_weight_a1111_gives_them(text: str, core: str, weight: float) -> None:
    assert (unwrap(text).core, unwrap(text).weight) == (core, weight)


@given(PROMPTISH)
def test_every_phrase_stands_where_it_says(prompt: str) -> None:
    phrases = split(prompt)
    assert all(prompt[p.start : p.end] == p.text for p in phrases)
    assert all(a.end <= b.start for a, b in pairwise(phrases))


@given(PROMPTISH)
def test_what_is_left_of_a_balanced_prompt_without_its_phrases_is_only_punctuation_and_keywords(prompt: str) -> None:
    left = prompt
    for phrase in reversed(split(prompt)):
        left = left[: phrase.start] + left[phrase.end :]
    if is_balanced(prompt) and not has_tag(prompt):
        assert not set(left.replace("BREAK", "").replace("AND", "")) & set("女")


@pytest.mark.parametrize("shape", ["(", "([", "a,", "(a,", "<a:", "\\", "((a)", "[a|", ")", "女", "{", "(a:1.1),"])
def test_splitting_takes_linear_time(shape: str) -> None:
    began = time.perf_counter()
    split(shape * (8000 // len(shape)))
    assert time.perf_counter() - began < 1.0


def test_a_key_ignores_case_space_and_the_article() -> None:
    assert phrase_key("  A Red   Hat ") == phrase_key("red hat") == "red hat"
    assert phrase_key("a") == "a"


@pytest.mark.parametrize(("weight", "text"), [(1.0, "a"), (1.2, "(a:1.2)"), (0.85, "(a:0.85)"), (1.001, "a")])
def test_a_weight_is_written_as_people_write_it(weight: float, text: str) -> None:
    assert weighted("a", weight) == text


@pytest.mark.parametrize(
    ("text", "balanced"),
    [("a", True), ("(a)", True), ("(a", False), ("a)", False), ("([a)]", False), (r"\(a", True), ("(a\\)", False)],
)
def test_brackets_are_balanced_when_each_is_closed_in_order(text: str, balanced: bool) -> None:
    assert is_balanced(text) is balanced
