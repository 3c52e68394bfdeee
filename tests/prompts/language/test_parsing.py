from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompts.language import parse, unparse
from prompts.language.parsing import DEPTH
from prompts.language.syntax import Alternating, And, Break, Comment, Network, Node, Scheduled, Weighted, Words

PIECES = [*"()[]:|#<>\\,{}\nab1. ", "BREAK", " AND ", "<lora:x:0.8>", ":1.3)", ":0.5]", "猫", "#c\n", "BAR", "AB"]
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=30).map("".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a cat", (Words("a cat", 0, 5),)),
        ("(a:1.3)", (Weighted("(", (Words("a", 1, 2),), ":1.3", 0, 7),)),
        ("[a]", (Weighted("[", (Words("a", 1, 2),), "", 0, 3),)),
        ("(a:b:2)", (Weighted("(", (Words("a:b", 1, 4),), ":2", 0, 7),)),
        ("[a:b: 5]", (Scheduled((Words("a", 1, 2),), (Words("b", 3, 4),), " 5", 0, 8),)),
        ("[b:.5]", (Scheduled(None, (Words("b", 1, 2),), ".5", 0, 6),)),
        ("[a|]", (Alternating(((Words("a", 1, 2),), ()), 0, 4),)),
        ("BREAK", (Break(0, 5),)),
        ("aBREAK BREAKb", (Words("aBREAK BREAKb", 0, 13),)),
        ("a AND b", (Words("a ", 0, 2), And(2, 5), Words(" b", 5, 7))),
        ("<lora:x:0.8>", (Network("lora", ("x", "0.8"), 0, 12),)),
        ("a#b\nc", (Words("a", 0, 1), Comment("#b", 1, 3), Words("\nc", 3, 5))),
        (r"\(a", (Words(r"\(a", 0, 3),)),
        ("(a", (Words("(a", 0, 2),)),
        ("a)", (Words("a)", 0, 2),)),
        ("([a)", (Weighted("(", (Words("[a", 1, 3),), "", 0, 4),)),
        ("", ()),
    ],
)
def test_text_becomes_the_tree_it_means(text: str, expected: tuple[Node, ...]) -> None:
    assert parse(text).children == expected


@settings(max_examples=500, deadline=None)
@given(texts)
def test_every_text_comes_back_from_its_tree(text: str) -> None:
    assert unparse(parse(text)) == text


@settings(max_examples=300, deadline=None)
@given(texts)
def test_every_node_stands_where_it_says(text: str) -> None:
    for node in parse(text).walk():
        source = text[node.start : node.end]
        if isinstance(node, Words | Comment):
            assert source == node.text
        elif isinstance(node, Weighted | Scheduled | Alternating):
            assert source[0] in "(["
            assert source[-1] in ")]"
        else:
            assert source == unparse(type(parse(""))((node,)))


def test_a_walk_visits_parents_before_children_in_text_order() -> None:
    starts = [node.start for node in parse("a (b [c:d:2] e:1.2) [f|g] BREAK h").walk()]
    assert starts == sorted(starts)


def test_the_factor_of_a_weight_is_the_one_a1111_uses() -> None:
    factors = [node.factor for node in parse("(a) [b] (c: 1.3 )").walk() if isinstance(node, Weighted)]
    assert factors == [1.1, 1 / 1.1, 1.3]


def test_brackets_beyond_the_depth_are_words() -> None:
    text = "(" * (DEPTH + 5) + "a" + ")" * (DEPTH + 5)
    nodes = list(parse(text).walk())
    assert sum(isinstance(node, Weighted) for node in nodes) == DEPTH
    assert nodes[-1] == Words("(((((a)))))", DEPTH, DEPTH + 11)
    assert unparse(parse(text)) == text
