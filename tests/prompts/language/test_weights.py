from __future__ import annotations

import math

import pytest

from prompts.language import attention

GOLDEN = [
    ("a cat", [("a cat", 1.0)]),
    ("", [("", 1.0)]),
    ("(a)", [("a", 1.1)]),
    ("((a))", [("a", 1.21)]),
    ("[a]", [("a", 0.9091)]),
    ("[[a]]", [("a", 0.8264)]),
    ("([a])", [("a", 1.0)]),
    ("(a:1.5)", [("a", 1.5)]),
    ("(a:.5)", [("a", 0.5)]),
    ("(a:-0.5)", [("a", -0.5)]),
    ("(a:+1.3)", [("a", 1.3)]),
    ("(a: 1.3 )", [("a", 1.3)]),
    ("((a:1.5))", [("a", 1.65)]),
    ("(a (b:1.5) c:1.2)", [("a ", 1.2), ("b", 1.8), (" c", 1.2)]),
    ("(a:1.2:1.3)", [("a:1.2", 1.3)]),
    ("[a:1.2]", [("a:1.2", 0.9091)]),
    ("(a:1,2)", [("a:1,2", 1.1)]),
    ("(a:1e1)", [("a:1e1", 1.1)]),
    ("(a", [("a", 1.1)]),
    ("(a:1.2", [("a:1.2", 1.1)]),
    ("a)b", [("a)b", 1.0)]),
    (r"\(a\)", [("(a)", 1.0)]),
    (r"\\(a)", [("\\", 1.0), ("a", 1.1)]),
    (r"(a\:1.2)", [("a", 1.2)]),
    ("（a：1.2）", [("（a：1.2）", 1.0)]),
    ("a (b, (c)1.3) d", [("a ", 1.0), ("b, ", 1.1), ("c", 1.21), ("1.3", 1.1), (" d", 1.0)]),
    ("a BREAK b", [("a", 1.0), ("BREAK", -1.0), ("b", 1.0)]),
    ("(a BREAK b:1.2)", [("a", 1.2), ("BREAK", -1.2), ("b", 1.2)]),
    ("aBREAKb", [("aBREAKb", 1.0)]),
    ("(１.５ wide digits:１.５)", [("１.５ wide digits", 1.5)]),
]


@pytest.mark.parametrize(("text", "expected"), GOLDEN)
def test_the_golden_vectors_of_a1111_hold(text: str, expected: list[tuple[str, float]]) -> None:
    got = attention(text)
    assert [piece for piece, _ in got] == [piece for piece, _ in expected]
    assert [weight for _, weight in got] == pytest.approx([weight for _, weight in expected], rel=1e-4)


@pytest.mark.parametrize("text", ["(a:1.2.3)", "(a:...)", "(a:.)"])
def test_a_number_that_makes_a1111_fail_is_kept_as_words(text: str) -> None:
    assert attention(text) == [(text[1:-1], 1.1)]


def test_weights_are_multiplied_in_the_order_brackets_close() -> None:
    assert attention("((((a))))")[0][1] == 1.0 * 1.1 * 1.1 * 1.1 * 1.1


@pytest.mark.parametrize("depth", [1_000, 20_000])
def test_absurd_depth_gives_the_same_weights_to_within_rounding(depth: int) -> None:
    text = "(a " * depth + "[b:1.1]" + ":1.0001)" * depth
    got = attention(text)
    assert got[-1][1] == pytest.approx(1.0001**depth / 1.1, rel=1e-9)
    assert got[0][1] == pytest.approx(1.0001, rel=1e-9)


def test_overflow_is_infinite_and_no_error() -> None:
    assert math.isinf(attention("(" * 10_000 + "a" + ")" * 10_000)[0][1])
