"""Typed edits: pure, all or none, and never at the cost of syntax, LoRAs or locked phrases."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prompts.errors import EditError, PromptError, SpellOutOfRange, UnknownName
from prompts.expansion.applying import apply, locks_after
from prompts.expansion.edits import (
    AddNegative,
    AddPhrase,
    DropLora,
    Edit,
    LockSpan,
    RemoveNegative,
    RemovePhrase,
    ReplacePhrase,
    Reweight,
    SetNegative,
    SetParam,
    UnlockSpan,
    UseLora,
)
from prompts.expansion.phrases import phrase_key, split
from prompts.spell import HiresFix, Lora, Params, Spell

RICH = "a girl, (red hat:1.2), BREAK [rain:snow:0.5], <lora:old:1> neon lights, (fog, mist:0.8)"


@pytest.mark.parametrize(
    ("prompt", "edit", "result"),
    [
        ("", AddPhrase("a cat"), "a cat"),
        ("a cat", AddPhrase("rain"), "a cat, rain"),
        ("a cat", AddPhrase("rain", "start"), "rain, a cat"),
        ("a cat,", AddPhrase("rain"), "a cat, rain"),
        ("a cat BREAK", AddPhrase("rain"), "a cat BREAK rain"),
        ("a cat, rain", AddPhrase("Rain"), "a cat, rain"),
        ("a cat", AddPhrase("rain, fog"), "a cat, rain, fog"),
        ("a cat, fog", AddPhrase("rain, fog"), "a cat, fog, rain"),
        ("a cat AND a dog :1.2", AddPhrase("rain"), "a cat AND a dog, rain :1.2"),
        ("a cat, rain", RemovePhrase("rain"), "a cat"),
        ("rain, a cat", RemovePhrase("rain"), "a cat"),
        ("a cat, (rain:1.3), fog", RemovePhrase("rain"), "a cat, fog"),
        ("rain", RemovePhrase("rain"), ""),
        ("a cat BREAK rain", RemovePhrase("rain"), "a cat BREAK"),
        ("(rain, fog:1.2)", RemovePhrase("rain"), "(fog:1.2)"),
        ("a cat, (rain, fog:1.2)", RemovePhrase("fog"), "a cat, (rain:1.2)"),
        ("a cat <lora:x:1>, rain", RemovePhrase("a cat"), "<lora:x:1>, rain"),
        ("a cat, rain", ReplacePhrase("rain", "snow"), "a cat, snow"),
        ("a cat, (rain:1.3)", ReplacePhrase("rain", "snow"), "a cat, (snow:1.3)"),
        ("a cat, ((rain))", ReplacePhrase("rain", "snow"), "a cat, ((snow))"),
        ("a cat, rain", Reweight("rain", 1.2), "a cat, (rain:1.2)"),
        ("a cat, (rain:1.3)", Reweight("rain", 1), "a cat, rain"),
        ("a cat, ((rain))", Reweight("rain", 0.8), "a cat, (rain:0.8)"),
        ("[rain:snow:0.5]", Reweight("[rain:snow:0.5]", 1.2), "([rain:snow:0.5]:1.2)"),
        ("一个女孩，雨", RemovePhrase("雨"), "一个女孩"),
        ("A photo of a cat. Soft light, fog.", AddPhrase("rain"), "A photo of a cat. Soft light, fog, rain."),
        ("A photo of a cat. Soft light, fog.", RemovePhrase("soft light"), "A photo of a cat. fog."),
        ("A photo of a cat. Soft light, fog.", RemovePhrase("fog"), "A photo of a cat. Soft light."),
        ("A cat...", AddPhrase("rain"), "A cat..., rain"),
    ],
)
def test_an_edit_changes_its_own_phrase_and_one_comma(prompt: str, edit: Edit, result: str) -> None:
    assert apply(Spell(prompt=prompt), [edit]).prompt == result


@pytest.mark.parametrize(
    ("negative", "edit", "result"),
    [
        ("", AddNegative("hat"), "hat"),
        ("blurry", AddNegative("hat"), "blurry, hat"),
        ("blurry, hat", RemoveNegative("hat"), "blurry"),
        ("blurry", SetNegative("text"), "text"),
        ("blurry", SetNegative("  "), ""),
        ("blurry", AddNegative("(bad hands:1.2)"), "blurry, (bad hands:1.2)"),
    ],
)
def test_the_negative_prompt_has_edits_of_its_own(negative: str, edit: Edit, result: str) -> None:
    spell = Spell(prompt="a cat", negative_prompt=negative)
    assert apply(spell, [edit]) == spell.evolve(negative_prompt=result)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("steps", 30, {"steps": 30}),
        ("cfg_scale", 5, {"cfg_scale": 5.0}),
        ("seed", None, {"seed": None}),
        ("sampler", "k_euler_a", {"sampler": "Euler a"}),
        ("sampler", "DPM++ SDE Karras", {"sampler": "DPM++ SDE", "schedule_type": "Karras"}),
        ("schedule_type", "karras", {"schedule_type": "Karras"}),
        ("width", 768, {"width": 768}),
        ("hires", True, {"hires": HiresFix()}),
        ("hires", False, {"hires": None}),
        ("hires_upscale_by", 1.5, {"hires": HiresFix(upscale_by=1.5)}),
        (
            "hires_upscaler",
            "latent (bicubic antialiased)",
            {"hires": HiresFix(upscaler="Latent (bicubic antialiased)")},
        ),
        ("steps", 30.0, {"steps": 30}),
    ],
)
def test_a_parameter_is_set_by_its_a1111_name(name: str, value: object, expected: dict[str, object]) -> None:
    assert apply(Spell(), [SetParam(name, value)]) == Spell().evolve(**expected)


@pytest.mark.parametrize(
    ("edit", "error"),
    [
        (RemovePhrase("dog"), EditError),
        (ReplacePhrase("dog", "x"), EditError),
        (Reweight("dog", 1.2), EditError),
        (Reweight("a cat", float("nan")), EditError),
        (Reweight("a cat", 11), EditError),
        (Reweight("a cat", -1), EditError),
        (AddPhrase(""), EditError),
        (AddPhrase("a" * 1001), EditError),
        (AddPhrase("<lora:evil:1>"), EditError),
        (AddPhrase("(open"), EditError),
        (AddPhrase("close)"), EditError),
        (AddPhrase("a\nb"), EditError),
        (AddPhrase("a\x00b"), EditError),
        (ReplacePhrase("a cat", "trailing\\"), EditError),
        (RemoveNegative("dog"), EditError),
        (SetNegative("(open"), EditError),
        (DropLora("nope"), EditError),
        (UseLora("a:b"), EditError),
        (UseLora("x", 9.0), SpellOutOfRange),
        (UseLora("x", float("inf")), SpellOutOfRange),
        (SetParam("colour", 1), EditError),
        (SetParam("steps", "many"), EditError),
        (SetParam("steps", 20.5), EditError),
        (SetParam("steps", True), EditError),
        (SetParam("steps", 500), SpellOutOfRange),
        (SetParam("cfg_scale", float("nan")), EditError),
        (SetParam("width", 513), SpellOutOfRange),
        (SetParam("sampler", "Eulr"), UnknownName),
        (SetParam("hires_upscaler", "Magic"), UnknownName),
        (LockSpan("dog"), EditError),
    ],
)
def test_an_edit_that_does_not_fit_is_refused_and_changes_nothing(edit: Edit, error: type[Exception]) -> None:
    spell = Spell(prompt="a cat", negative_prompt="blurry")
    with pytest.raises(error):
        apply(spell, [AddPhrase("rain"), edit])
    assert spell == Spell(prompt="a cat", negative_prompt="blurry")


def test_a_missing_phrase_is_answered_with_near_ones() -> None:
    with pytest.raises(EditError) as caught:
        apply(Spell(prompt="red hat, rain"), [RemovePhrase("red hats")])
    assert caught.value.facts["near"] == ["red hat"]


def test_no_edits_give_the_very_same_spell() -> None:
    spell = Spell(prompt=RICH)
    assert apply(spell, []) is spell


def test_a_lora_is_added_reweighted_and_dropped_by_name_in_any_case() -> None:
    one = apply(Spell(), [UseLora("Style", 0.66)])
    assert one.loras == (Lora("Style", 0.66),)
    two = apply(one, [UseLora("style", 0.5)])
    assert two.loras == (Lora("Style", 0.5),)
    assert apply(two, [DropLora("STYLE")]).loras == ()


@pytest.mark.parametrize(
    ("edit", "allowed"),
    [
        (RemovePhrase("red hat"), False),
        (Reweight("red hat", 1.3), False),
        (ReplacePhrase("red hat", "blue hat"), False),
        (ReplacePhrase("red hat", "big red hat"), True),
        (RemovePhrase("rain"), True),
        (AddPhrase("snow"), True),
    ],
)
def test_a_locked_phrase_survives_every_edit(edit: Edit, allowed: bool) -> None:
    spell = Spell(prompt="a girl, (red hat:1.2), rain")
    if allowed:
        assert "red hat" in apply(spell, [edit], ["red hat"]).prompt
    else:
        with pytest.raises(EditError, match="locked"):
            apply(spell, [edit], ["red hat"])


def test_a_lock_inside_a_longer_phrase_protects_that_phrase() -> None:
    with pytest.raises(EditError, match="locked"):
        apply(Spell(prompt="a girl with a red hat"), [RemovePhrase("a girl with a red hat")], ["red hat"])


def test_locks_are_kept_once_and_can_be_lifted() -> None:
    held = locks_after((), [LockSpan("red hat"), LockSpan("Red  Hat"), LockSpan("rain")])
    assert held == ("red hat", "rain")
    assert locks_after(held, [UnlockSpan("RAIN")]) == ("red hat",)


WORDS = st.sampled_from(["a girl", "red hat", "rain", "snow", "neon lights", "fog", "mist", "a cat", "new thing"])
WEIGHTS = st.floats(0.1, 2.0)
EDITS = st.one_of(
    st.builds(AddPhrase, WORDS, st.sampled_from(["start", "end"])),
    st.builds(RemovePhrase, WORDS),
    st.builds(ReplacePhrase, WORDS, WORDS),
    st.builds(Reweight, WORDS, WEIGHTS),
    st.builds(AddNegative, WORDS),
    st.builds(RemoveNegative, WORDS),
    st.builds(SetNegative, WORDS),
    st.builds(SetParam, st.just("steps"), st.integers(1, 150)),
    st.builds(SetParam, st.sampled_from(["cfg_scale", "hires_upscale_by"]), st.floats(1, 4)),
)
PIECES = st.lists(
    st.sampled_from(
        [
            "a girl",
            "(red hat:1.2)",
            "[rain:snow:0.5]",
            "neon lights",
            "(fog, mist:0.8)",
            "[a cat|a dog]",
            "((deep focus))",
        ]
    ),
    min_size=1,
    max_size=6,
    unique=True,
)


@given(PIECES, st.lists(EDITS, max_size=8), st.integers(0, 3))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_break_tags_schedules_and_loras_survive_any_edits(pieces: list[str], edits: list[Edit], breaks: int) -> None:
    prompt = ", ".join(pieces) + " BREAK quiet corner" * breaks + " <lora:tag:0.7>"
    spell = Spell(prompt=prompt, loras=(Lora("kept", 0.66, 0.5),), extra=(("Key", "value"),))
    now = spell
    for edit in edits:
        try:
            now = apply(now, [edit])
        except PromptError:
            continue
    assert now.loras == spell.loras and now.extra == spell.extra
    assert now.prompt.count("<lora:tag:0.7>") == 1
    assert len(re.findall(r"\bBREAK\b", now.prompt)) == breaks
    for schedule in ("[rain:snow:0.5]", "[a cat|a dog]"):
        assert (schedule in now.prompt) == (schedule in pieces)
    assert now.prompt.count("(") == now.prompt.count(")")


@given(PIECES, st.lists(EDITS, max_size=8), WORDS)
def test_a_locked_phrase_and_its_weight_survive_any_edits(pieces: list[str], edits: list[Edit], lock: str) -> None:
    spell = Spell(prompt=", ".join(pieces))
    before = [p for p in split(spell.prompt) if p.key == phrase_key(lock)]
    now = spell
    for edit in edits:
        try:
            now = apply(now, [edit], [lock])
        except PromptError:
            continue
    after = [p for p in split(now.prompt) if p.key == phrase_key(lock)]
    assert len(after) >= len(before)
    assert {p.weight for p in before} <= {p.weight for p in after}


@given(PIECES, EDITS)
def test_an_edit_of_one_phrase_leaves_the_others_as_written(pieces: list[str], edit: Edit) -> None:
    spell = Spell(prompt=", ".join(pieces), params=Params(steps=20))
    try:
        now = apply(spell, [edit])
    except PromptError:
        return
    named = {phrase_key(w) for w in (getattr(edit, f, "") for f in ("phrase", "old")) if isinstance(w, str)}
    for phrase in split(spell.prompt):
        if phrase.key not in named:
            assert phrase.text in now.prompt


def test_adding_what_was_removed_and_removing_what_was_added_come_back_to_the_start() -> None:
    spell = Spell(prompt="a girl, (red hat:1.2) BREAK rain")
    there = apply(spell, [AddPhrase("snow")])
    assert apply(there, [RemovePhrase("snow")]) == spell
