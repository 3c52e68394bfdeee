from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompts.errors import PromptError
from prompts.language.dynamic import DEPTH, Choice, Literal, parse_template
from prompts.language.expanding import Expander
from prompts.language.wildcards import load_wildcards

WILDCARDS = {
    "colour": ("red", "green", "blue"),
    "animal": ("cat", "{big|small} dog"),
    "deep/a": ("one",),
    "deep/b": ("two",),
    "circle": ("__circle__",),
}
EXPANDER = Expander(WILDCARDS)

TABLE = [
    ("a cat", ["a cat"]),
    ("{a|b}", ["a", "b"]),
    ("{a|}", ["a", ""]),
    ("{}", [""]),
    ("{a|{b|c}}", ["a", "b", "c"]),
    ("{2$$a|b|c}", ["a, b", "a, c", "b, a", "b, c", "c, a", "c, b"]),
    ("{1-2$$a|b}", ["a", "b", "a, b", "b, a"]),
    ("{-2$$a|b}", ["a", "b", "a, b", "b, a"]),
    ("{2-$$a|b}", ["a, b", "b, a"]),
    ("{3$$a|b}", ["a, b", "b, a"]),
    ("{0$$a|b}", [""]),
    ("{2$$ and $$a|b}", ["a and b", "b and a"]),
    ("{2$${a|b}|c}", ["a, c", "b, c", "c, a", "c, b"]),
    ("{0.5::a|2::b}", ["a", "b"]),
    ("__colour__ cat", ["red cat", "green cat", "blue cat"]),
    ("__animal__", ["cat", "big dog", "small dog"]),
    ("{2$$__colour__}", ["red, green", "red, blue", "green, red", "green, blue", "blue, red", "blue, green"]),
    ("__deep/*__", ["one", "two"]),
    ("${x={a|b}}${x}${x}", ["aa", "ab", "ba", "bb"]),
    ("${x=!{a|b}}${x}${x}", ["aa", "bb"]),
    ("${x=a}${x} ${x=b}${x}", ["a b"]),
    ("${x:z}", ["z"]),
    ("${x={a|b}}{c|${x}}", ["c", "a", "b"]),
    (r"\{a\|b\}", ["{a|b}"]),
    ("{[a|b]|c}", ["[a|b]", "c"]),
    ("(a:1.2) [b:c:0.5] <lora:x:0.8>", ["(a:1.2) [b:c:0.5] <lora:x:0.8>"]),
    ("{a|b", ["{a|b"]),
    ("a}", ["a}"]),
    ("snake_case __init", ["snake_case __init"]),
    ("costs 5$ {a}", ["costs 5$ a"]),
]


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_a_template_stands_for_these_prompts(text: str, expected: list[str]) -> None:
    assert EXPANDER.every(text, 100) == expected
    assert EXPANDER.count(text) == len(expected)
    assert {EXPANDER.draw(text, seed) for seed in range(60)} <= set(expected)


def test_the_count_is_known_where_nobody_could_make_them_all() -> None:
    assert EXPANDER.count("{a|b}" * 300) == 2**300
    assert EXPANDER.count("{10$$" + "|".join("abcdefghijklmnopqrst") + "}") == 670_442_572_800
    assert len(EXPANDER.every("{a|b}" * 300, 5)) == 5


def test_equal_seeds_draw_equal_prompts() -> None:
    text = "{a|b|c} __animal__ {2$$x|y|z}"
    assert [EXPANDER.draw(text, seed) for seed in range(20)] == [EXPANDER.draw(text, seed) for seed in range(20)]
    assert len({EXPANDER.draw(text, seed) for seed in range(200)}) > 30


def test_a_share_says_how_likely_an_option_is() -> None:
    drawn = [EXPANDER.draw("{9::a|1::b|0::c}", seed) for seed in range(1000)]
    assert 850 < drawn.count("a") < 950
    assert drawn.count("c") == 0


@pytest.mark.parametrize(
    ("text", "code", "near"),
    [
        ("__color__", "wildcard_not_found", ["colour"]),
        ("${y=a}${yy}", "variable_not_found", ["y"]),
        ("__circle__", "template_too_deep", None),
        ("{" * (DEPTH + 2) + "a" + "}" * (DEPTH + 2), "template_too_deep", None),
    ],
)
def test_what_cannot_be_expanded_is_refused(text: str, code: str, near: list[str] | None) -> None:
    for act in (EXPANDER.count, lambda t: EXPANDER.every(t, 3), lambda t: EXPANDER.draw(t, 1)):
        with pytest.raises(PromptError) as caught:
            act(text)
        assert caught.value.stable_code == code
        if near is not None:
            assert caught.value.facts["near"] == near


DOUBLING = {f"w{i}": (f"__w{i + 1}____w{i + 1}__",) for i in range(40)} | {"w40": ("a",)}


@pytest.mark.parametrize("text", ["__w0__", "${a=xx}" + "${a=${a}${a}}" * 40 + "${a}"])
def test_a_template_that_grows_without_end_is_refused(text: str) -> None:
    expander = Expander(DOUBLING)
    for act in (expander.count, lambda t: expander.every(t, 1), lambda t: expander.draw(t, 1)):
        with pytest.raises(PromptError) as caught:
            act(text)
        assert caught.value.stable_code == "template_too_large"


def test_the_tree_tells_static_from_dynamic() -> None:
    assert not parse_template("a [b|c]").is_dynamic
    assert parse_template("{a}").is_dynamic
    assert parse_template("{0.3::a}").parts == (Choice((parse_template_option("a", 0.3),)),)


def parse_template_option(text: str, share: float) -> object:
    from prompts.language.dynamic import Option, Template

    return Option(Template((Literal(text),)), share)


@settings(max_examples=300, deadline=None)
@given(st.text("ab{}|$_[]12-:=! ", max_size=25))
def test_the_count_is_what_comes_out(text: str) -> None:
    try:
        count = EXPANDER.count(text)
    except PromptError:
        return
    assert len(EXPANDER.every(text, 500)) == min(count, 500)
    assert count == 0 or isinstance(EXPANDER.draw(text, 1), str)


def test_wildcards_are_the_text_files_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "colour.txt").write_text("red\n# no\n\n green \n", "utf-8")
    (tmp_path / "deep" / "a.txt").write_text("\ufeff猫\n", "utf-8")
    (tmp_path / "other.md").write_text("x", "utf-8")
    outside = tmp_path.parent / "outside.txt"
    outside.write_text("secret", "utf-8")
    (tmp_path / "link.txt").symlink_to(outside)
    assert load_wildcards(tmp_path) == {"colour": ("red", "green"), "deep/a": ("猫",)}
    assert load_wildcards(tmp_path / "missing") == {}


@pytest.mark.parametrize("ask", [lambda e: e.draw("__a__", 1), lambda e: e.every("__a__", 1)])
def test_wildcards_in_wildcards_stop_before_they_fill_the_memory(ask: Callable[[Expander], object]) -> None:
    lines = {"a": ["__b__" * 300], "b": ["__c__" * 300], "c": ["x" * 1000]}
    with pytest.raises(PromptError) as refused:
        ask(Expander(lines))
    assert refused.value.stable_code == "template_too_large"
