from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompts.errors import PromptError
from prompts.language import convert, normalise
from prompts.language.comfyui import read_comfyui, write_comfyui
from prompts.language.compel import read_compel, write_compel
from prompts.language.dialects import SOURCES, TARGETS
from prompts.language.pieces import Join, Piece, Pieces, joined, read_a1111, write_a1111

TABLE = [
    ("a1111", "comfyui", "a (cat:1.3), [b]", "a (cat:1.3), (b:0.9091)", {"weight_method"}),
    ("a1111", "comfyui", "((a:1.5))", "(a:1.65)", {"weight_method"}),
    ("a1111", "comfyui", r"a \(b\) \[c\]", r"a \(b\) [c]", set()),
    ("a1111", "comfyui", "a BREAK b", "a, b", {"break"}),
    ("a1111", "comfyui", "a <lora:x:0.8>", "a", {"network"}),
    ("a1111", "comfyui", "[a:b:0.7] [c|d]", "a c", {"scheduling", "alternation"}),
    ("a1111", "comfyui", "a :1.2 AND b", "a,  b", {"and"}),
    ("a1111", "compel", "a (cat:1.3) b", "a (cat)1.3 b", {"weight_method"}),
    ("a1111", "compel", "a BREAK b", '("a", "b").and()', set()),
    ("a1111", "compel", "(a:-1)", "(a)0", {"weight_negative", "weight_method"}),
    ("comfyui", "a1111", "((a:1.5)), (b)", "(a:1.5), (b:1.1)", set()),
    ("comfyui", "a1111", "[a] embedding:easy", r"\[a\] easy", set()),
    ("comfyui", "a1111", "(a (b:1.3) c:1.2)", "(a :1.2)(b:1.3)( c:1.2)", set()),
    ("comfyui", "a1111", "hair #ff0000", "hair #ff0000", {"comment"}),
    ("comfyui", "compel", "(a:1.2)", "(a)1.2", {"weight_method"}),
    ("compel", "a1111", "a (cat)1.3 dog++ bird--", "a (cat:1.3) (dog:1.21) (bird:0.81)", set()),
    ("compel", "a1111", "((a)1.5 b)2", "(a:3)( b:2)", set()),
    ("compel", "a1111", '("a", "b+ c").and()', "a BREAK (b:1.1) c", set()),
    ("compel", "a1111", '("a", "b").blend(0.7, 0.3)', "a BREAK b", {"compel_call"}),
    ("compel", "a1111", "<easy> well-known", "easy well-known", set()),
    ("novelai", "a1111", "{{a}}, [b], (c)", r"(a:1.1025), (b:0.9524), \(c\)", set()),
    ("novelai", "a1111", "1.5::a b:: c", "(a b:1.5) c", set()),
]


@pytest.mark.parametrize(("source", "target", "text", "expected", "losses"), TABLE)
def test_prompts_are_translated_with_a_report(
    source: str, target: str, text: str, expected: str, losses: set[str]
) -> None:
    got = convert(text, source, target)
    assert got.text == expected
    assert {loss.code for loss in got.losses} == losses


def test_an_unknown_dialect_is_refused_by_name() -> None:
    with pytest.raises(PromptError, match="midjourney") as caught:
        convert("a", "a1111", "midjourney")
    assert caught.value.stable_code == "dialect_unknown"


@pytest.mark.parametrize("dialect", TARGETS)
def test_translating_to_the_same_dialect_changes_nothing(dialect: str) -> None:
    assert convert("a (b", dialect, dialect).text == "a (b"


words = st.text("abc (),[]\\.:猫", min_size=1, max_size=8)
weights = st.sampled_from([1.0, 1.1, 1.3, 0.5, 2.0])
pieces = st.lists(st.builds(Piece, words, weights), min_size=1, max_size=5).map(joined)


def close(left: Pieces, right: Pieces) -> bool:
    return [p.text for p in left if isinstance(p, Piece)] == [p.text for p in right if isinstance(p, Piece)] and [
        p.weight for p in left
    ] == pytest.approx([p.weight for p in right], abs=1e-4)


@settings(max_examples=300, deadline=None)
@given(pieces)
def test_what_is_written_for_comfyui_reads_back(wanted: Pieces) -> None:
    if not any(":" in p.text or "\\" in p.text for p in wanted if isinstance(p, Piece)):
        assert close(read_comfyui(write_comfyui(wanted)[0])[0], wanted)


@settings(max_examples=300, deadline=None)
@given(pieces)
def test_what_is_written_for_compel_reads_back(wanted: Pieces) -> None:
    assert close(read_compel(write_compel(wanted)[0])[0], wanted)


@settings(max_examples=300, deadline=None)
@given(pieces)
def test_what_is_written_for_a1111_reads_back(wanted: Pieces) -> None:
    text, _ = write_a1111(wanted)
    if ":" not in text.replace(":1.1)", "").replace(":1.3)", "").replace(":0.5)", "").replace(":2)", ""):
        stripped = list(wanted)
        last = stripped[-1]
        assert isinstance(last, Piece)
        if last.weight == 1:  # A1111 drops white space at the very end
            stripped[-1] = Piece(last.text.rstrip())
        assert close(read_a1111(text)[0], joined(stripped))


@settings(max_examples=300, deadline=None)
@given(st.text('ab()[]{}:.+-\\"<>|123, \n', max_size=40), st.sampled_from(SOURCES), st.sampled_from(TARGETS))
def test_any_text_can_be_translated(text: str, source: str, target: str) -> None:
    convert(text, source, target)


def test_a_chunk_break_survives_where_it_can() -> None:
    assert Join(is_break=True) in read_compel('("a", "b").and()')[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("（a：1.2），b", "(a:1.2), b"),
        ("a， b、c", "a, b, c"),
        ("［a｜b］", "[a|b]"),
        ("一只猫。", "一只猫。"),
        ("＜lora：x：1＞", "<lora:x:1>"),
    ],
)
def test_full_width_signs_become_the_ones_the_parser_knows(text: str, expected: str) -> None:
    assert normalise(text) == expected
