"""What may enter a spell, and how it is written there."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from prompts.interrogation.result import Interrogation, Swatch, Term, WeightsKind, plain_text

RED = Term("red tones", "palette", 0.4, source="measured")
WIDE = Term("wide format", "format", 1.0, source="measured")
CAT = Term("a cat", "flavors", 0.3, 0.02)


def found(weights: WeightsKind, mode: str = "fast", prompt: str = "a cat (sitting)") -> Interrogation:
    is_negative = mode == "negative"
    return Interrogation(
        caption=None,
        terms=(RED, WIDE) if is_negative else (CAT, RED, WIDE),
        negative_terms=(CAT,) if is_negative else (),
        mode=mode,
        weights=weights,
        prompt=prompt,
        palette=(Swatch("red", "#ff0000", 0.4),),
        size=(3, 2),
    )


@pytest.mark.parametrize(
    ("weights", "mode", "prompt", "negative"),
    [
        ("real", "fast", r"a cat \(sitting\), red tones", ""),
        ("trained-demo", "tags", "red tones", ""),  # a photograph: no plain ground
        ("random", "fast", "red tones", ""),
        ("random", "negative", "red tones", ""),
        ("none", "fast", "red tones", ""),
        ("real", "negative", "red tones", r"a cat \(sitting\)"),
    ],
)
def test_only_trusted_words_and_measured_facts_enter_the_spell(
    weights: WeightsKind, mode: str, prompt: str, negative: str
) -> None:
    spell = found(weights, mode).to_spell()
    assert (spell.prompt, spell.negative_prompt) == (prompt, negative)


def test_the_demo_s_words_are_believed_about_drawings_on_a_plain_ground_only() -> None:
    ground = Term("blue background", "background", 0.99, source="measured")
    drawing = replace(found("trained-demo"), terms=(CAT, ground))
    assert drawing.is_trusted and drawing.to_spell().prompt == r"a cat \(sitting\), blue background"
    assert not found("trained-demo").is_trusted


def test_a_measured_fact_that_is_said_already_is_not_repeated() -> None:
    assert found("real", prompt="a wall in Red Tones").to_spell().prompt == "a wall in Red Tones"


def test_measured_facts_can_be_left_out() -> None:
    assert found("real").to_spell(with_measured=False).prompt == r"a cat \(sitting\)"
    assert found("random").to_spell(with_measured=False).prompt == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words, 8k", "plain words, 8k"),
        ("( ( dither ) )", r"\( \( dither \) \)"),
        ("[a|b] c\\d", r"\[a|b\] c\\d"),
        ("<lora:evil:1> cat", "lora:evil:1 cat"),
        ("cat AND dog BREAK", "cat and dog break"),
        ("ANDROID BREAKFAST", "ANDROID BREAKFAST"),
        ("", ""),
    ],
)
def test_marks_of_the_prompt_language_are_made_harmless(text: str, expected: str) -> None:
    assert plain_text(text) == expected


def test_the_json_form_is_plain_and_holds_the_evidence_and_the_spell() -> None:
    plain = json.loads(json.dumps(found("real").to_json()))
    assert plain["terms"][0] == {
        "text": "a cat",
        "category": "flavors",
        "similarity": 0.3,
        "gain": 0.02,
        "source": "clip",
    }
    assert plain["palette"] == [{"name": "red", "hex": "#ff0000", "share": 0.4}]
    assert plain["size"] == [3, 2]
    assert plain["spell"] == {"prompt": r"a cat \(sitting\), red tones", "negative_prompt": ""}
