from __future__ import annotations

import pytest

from prompts.language import schedule

GOLDEN = [
    ("a [b:c:0.5] d", 10, [(5, "a b d"), (10, "a c d")]),
    ("a [b:c:3] d", 10, [(3, "a b d"), (10, "a c d")]),
    ("[b:4]", 10, [(4, ""), (10, "b")]),
    ("[b::4]", 10, [(4, "b"), (10, "")]),
    ("[a|b]", 4, [(1, "a"), (2, "b"), (3, "a"), (4, "b")]),
    ("[a|b|]", 4, [(1, "a"), (2, "b"), (3, ""), (4, "a")]),
    ("[[a|b]:c:0.5]", 4, [(1, "a"), (2, "b"), (3, "c"), (4, "c")]),
    ("[a:b:1.0]", 10, [(10, "a")]),
    ("[a:b:0]", 10, [(10, "b")]),
    ("[a:b:-1]", 10, [(10, "b")]),
    ("[a:b:x]", 10, [(10, "[a:b:x]")]),
    ("[a:b:0.5", 10, [(10, "[a:b:0.5")]),
    (r"\[a:b:0.5\]", 10, [(10, r"\[a:b:0.5\]")]),
    ("(a [b:c:0.5]:1.2)", 10, [(5, "(a b:1.2)"), (10, "(a c:1.2)")]),
    ("[[[b]]:2]", 10, [(2, ""), (10, "[[b]]")]),
    ("a[b:[c:d:2]:1]e", 10, [(1, "abe"), (2, "ace"), (10, "ade")]),
    ("((a][:b:c [d:3]", 10, [(3, "((a][:b:c "), (10, "((a][:b:c d")]),
    ("", 10, [(10, "")]),
]


@pytest.mark.parametrize(("text", "steps", "expected"), GOLDEN)
def test_the_golden_vectors_of_a1111_hold(text: str, steps: int, expected: list[tuple[int, str]]) -> None:
    assert schedule(text, steps) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a:b:0.5]", [(10, "b")]),
        ("[a:b:1.0]", [(10, "b")]),
        ("[a:b:1.5]", [(5, "a"), (10, "b")]),
        ("[a:b:15]", [(5, "a"), (10, "b")]),
        ("[a:b:5]", [(10, "b")]),
    ],
)
def test_the_hires_pass_counts_on_from_the_first(text: str, expected: list[tuple[int, str]]) -> None:
    assert schedule(text, 10, 10) == expected


def test_no_hires_steps_means_as_many_as_in_the_first_pass() -> None:
    assert schedule("[a:b:1.5]", 8, 0) == schedule("[a:b:1.5]", 8, 8) == [(4, "a"), (8, "b")]


@pytest.mark.parametrize("text", ["a | b [c:d:0.5]", "(a|b)", "[c:d:0.5] \\", "[a|b:c]"])
def test_a_sign_outside_the_grammar_makes_the_whole_prompt_literal(text: str) -> None:
    assert schedule(text, 10) == [(10, text)]


def test_a_when_beyond_all_numbers_counts_as_never() -> None:
    assert schedule("[a:b:1e999]", 10) == [(10, "a")]
    assert schedule("[a:b:-1e999]", 10) == [(10, "b")]


def test_depth_needs_no_recursion() -> None:
    depth = 50_000
    assert schedule("[" * depth + "a:b:0.5" + "]" * depth, 2) == [
        (1, "[" * (depth - 1) + "a" + "]" * (depth - 1)),
        (2, "[" * (depth - 1) + "b" + "]" * (depth - 1)),
    ]
