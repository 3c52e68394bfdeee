from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompts import HiresFix, Lora, Params, Spell
from prompts.language import Finding, attention, lint, mend, mend_spell, schedule
from prompts.language.linting import FIELDS

TABLE = [
    ("（a：1.2），b", "full_width", "（", "(a:1.2), b"),
    ("(a, b", "bracket_unbalanced", "(", "a, b"),
    ("((a, b", "bracket_unbalanced", "((", "a, b"),
    ("smile :)", "bracket_unbalanced", ")", r"smile :\)"),
    ("sad :(", "bracket_unbalanced", "(", r"sad :\("),
    ("a, ()", "bracket_empty", "()", "a, "),
    ("(a BREAK b:1.2)", "break_in_weights", "BREAK", "(a , b:1.2)"),
    ("(a AND b)", "and_in_brackets", "AND", "(a , b)"),
    ("red, a cat:1.2", "weight_eaten", "a cat:1.2", "red, (a cat:1.2)"),
    ("hair #ff0000, b", "comment_eaten", "#ff0000", "hair ff0000, b"),
    ("top #1, b", "comment_eaten", "#", "top 1, b"),
    ("a <lora:x:strong>", "lora_unreadable", "<lora:x:strong>", "a <lora:x:1>"),
    ("a <lora:x:1:0.5:8>", "lora_dyn", "<lora:x:1:0.5:8>", "a <lora:x:1:0.5>"),
    ("a <hypernet:x:1>", "hypernet_ignored", "<hypernet:x:1>", "a "),
    ("a <foo:x>", "network_unknown", "<foo:x>", "a "),
    ("(a:3)", "weight_extreme", "a", None),
    ("(a:-1)", "weight_negative", "a", None),
    ("(a:1,2)", "weight_unreadable", "1,2", "(a:1.2)"),
    ("(a:1.2.3)", "weight_unreadable", "1.2.3", None),
    ("a | b [c:d:0.5]", "schedule_lost", "|", None),
    ("[c:d:0.5] (e|f)", "schedule_lost", "|", None),
    ("[c:d:0.5] \\", "schedule_lost", "\\", None),
    ("a (cat)1.3 b", "compel_syntax", "(cat)1.3", "a (cat:1.3) b"),
    ("a cat++ b", "compel_syntax", "cat++", "a (cat:1.21) b"),
    ("a cat-- b", "compel_syntax", "cat--", "a (cat:0.81) b"),
    ("[cat:1.3]", "square_number", "[cat:1.3]", "(cat:0.77)"),
    ("embedding:easy, b", "comfyui_syntax", "embedding:easy", "easy, b"),
    ("__colour__ cat", "dynamic_unexpanded", "__colour__", None),
    ("{a|b} cat", "dynamic_unexpanded", "{a|b}", None),
    ("red, blue, (Red:1.2)", "duplicate", ", (Red:1.2)", "red, blue"),
]


def only(findings: tuple[Finding, ...], code: str) -> Finding:
    found = [finding for finding in findings if finding.code == code]
    assert len(found) == 1, findings
    return found[0]


@pytest.mark.parametrize(("text", "code", "place", "mended"), [row for row in TABLE if row[1] != "full_width"])
def test_each_rule_finds_its_place_and_its_cure(text: str, code: str, place: str, mended: str | None) -> None:
    finding = only(lint(Spell(text)), code)
    assert text[finding.start : finding.end] == place
    assert len(finding.message) > 15
    if mended is None:
        assert finding.fix is None
    else:
        assert mend(text, [finding]) == mended
        assert code not in {left.code for left in lint(Spell(mended))}


def test_full_width_signs_are_found_one_by_one_and_mended_together() -> None:
    text = "（a：1.2），b"
    findings = [finding for finding in lint(Spell(text)) if finding.code == "full_width"]
    assert [text[finding.start] for finding in findings] == ["（", "：", "）", "，"]
    assert mend(text, findings) == "(a:1.2), b"


@pytest.mark.parametrize(
    "text",
    [
        "a cat, (red:1.2) hat, [small] dog",
        "a [b:c:0.5] d",
        "a [b|c] d",
        r"smile \(happy\)",
        "a BREAK b AND c :1.2",
        "# a comment line\na cat",
        "well-known, 35mm, f/1.8, 4k",
        "一只猫",
        "",
    ],
)
def test_a_sound_prompt_has_nothing_to_say_about(text: str) -> None:
    assert lint(Spell(text, params=Params(steps=20))) == ()


def test_a_tag_in_the_negative_prompt_loads_nothing() -> None:
    finding = only(lint(Spell("a", "bad <lora:x:1>")), "network_in_negative")
    assert (finding.field, finding.start, finding.end, finding.fix) == ("negative_prompt", 4, 14, "")


def test_what_is_wanted_and_forbidden_at_once_is_told() -> None:
    spell = Spell("a cat, (blue hat:1.2)", "bad, Blue  hat")
    finding = only(lint(spell), "contradiction")
    assert mend(spell.negative_prompt, [finding]) == "bad"


def test_an_unknown_lora_is_named_with_the_near_one_as_cure() -> None:
    spell = Spell("a", loras=(Lora("ink"), Lora("oli")))
    finding = only(lint(spell, known_loras=["Ink", "oil"]), "lora_unknown")
    assert (finding.field, finding.start, finding.fix) == ("loras", 1, "oil")
    assert mend_spell(spell, [finding]).loras == (Lora("ink"), Lora("oil"))
    assert lint(spell) == ()


def test_a_lora_asked_for_twice_is_told() -> None:
    assert only(lint(Spell("a", loras=(Lora("x"), Lora("X")))), "lora_repeated").start == 1


def test_an_unknown_embedding_is_named() -> None:
    finding = only(lint(Spell("embedding:easi"), known_embeddings=["easy"]), "embedding_unknown")
    assert finding.fix == "easy"


@pytest.mark.parametrize(
    ("text", "steps", "is_idle"),
    [
        ("[a:b:0.5]", 20, False),
        ("[a:b:1.0]", 20, True),
        ("[a:b:30]", 20, True),
        ("[a:b:30]", 40, False),
        ("[b:0]", 9, True),
    ],
)
def test_editing_that_never_switches_is_told(text: str, steps: int, is_idle: bool) -> None:
    found = {finding.code for finding in lint(Spell(text, params=Params(steps=steps)))}
    assert ("schedule_idle" in found) is is_idle
    assert is_idle is (len({words for _, words in schedule(text, steps)}) == 1)


def test_a_prompt_over_one_chunk_is_told_where_the_second_begins() -> None:
    text = "word " * 75 + "(next:1.2)"
    finding = only(lint(Spell(text), tokenize=lambda part: [1] * len(part.split())), "long_prompt")
    assert text[finding.start :] == "next:1.2)"
    assert "76 tokens" in finding.message


@pytest.mark.parametrize(
    ("text", "family", "code"),
    [
        ("A cat sits on a chair and looks out of the window", "sd15", "style_prose"),
        ("cat, chair, window, sun, warm, cosy", "flux", "style_tags"),
        ("cat, chair, window", "sd15", None),
        ("A cat sits on a chair and looks out of the window", "flux", None),
    ],
)
def test_the_style_should_fit_the_model_family(text: str, family: str, code: str | None) -> None:
    assert {finding.code for finding in lint(Spell(text), family=family)} == ({code} if code else set())


def test_the_hires_prompts_are_looked_at_too() -> None:
    spell = Spell("a", params=Params(hires=HiresFix(prompt="(b", negative_prompt="<lora:x:1>")))
    assert [(f.code, f.field) for f in lint(spell)] == [
        ("bracket_unbalanced", "hires_prompt"),
        ("network_in_negative", "hires_negative_prompt"),
    ]


texts = st.text("ab ()[]:|,<>#\\{}_+-.123（，\n", max_size=40) | st.lists(
    st.sampled_from([row[0] for row in TABLE]), max_size=4
).map(", ".join)


@settings(max_examples=300, deadline=None)
@given(texts, texts)
def test_findings_stand_in_order_inside_their_text_and_mending_never_fails(prompt: str, negative: str) -> None:
    spell = Spell(prompt, negative, params=Params(steps=20))
    findings = lint(spell, [], lambda part: [1] * len(part.split()), "sd15", [])
    order = [(FIELDS.index(f.field), f.start, f.end) for f in findings]
    assert order == sorted(order)
    for finding in findings:
        text = prompt if finding.field == "prompt" else negative
        assert 0 <= finding.start <= finding.end <= len(text)
    attention(mend_spell(spell, findings).prompt)


def test_an_unknown_lora_in_a_tag_is_found_at_its_name() -> None:
    text = "a cat <lora:inc:0.8> <lora:oil:te=1> <lora:te=0.5:pencl>"
    found = [f for f in lint(Spell(text), known_loras=["Ink", "oil", "pencil"]) if f.code == "lora_unknown"]
    assert [(text[f.start : f.end], f.fix) for f in found] == [("inc", "Ink"), ("pencl", "pencil")]
    assert mend(text, found) == "a cat <lora:Ink:0.8> <lora:oil:te=1> <lora:te=0.5:pencil>"


def test_an_article_does_not_hide_a_contradiction() -> None:
    assert "contradiction" in [finding.code for finding in lint(Spell("a cat, on a mat", "blurry, cat"))]
    assert "contradiction" not in [finding.code for finding in lint(Spell("a cat on a mat", "blurry, cat"))]
