from __future__ import annotations

import pytest

from prompts import Spell
from prompts.errors import PromptError
from prompts.language.styles import Style, apply_styles, read_styles, with_style, write_styles

INK = Style("Ink", "ink drawing of {prompt}, monochrome", "colour")
SHARP = Style("Sharp", "sharp focus", "blurry")


@pytest.mark.parametrize(
    ("prompt", "style", "expected"),
    [
        ("a cat", "ink of {prompt}", "ink of a cat"),
        ("a cat ", " sharp", "a cat, sharp"),
        ("", "sharp", "sharp"),
        ("a cat", "", "a cat"),
        ("a", "{prompt} and {prompt}", "a and a"),
    ],
)
def test_a_style_goes_around_or_behind_the_prompt(prompt: str, style: str, expected: str) -> None:
    assert with_style(prompt, style) == expected


def test_styles_are_applied_in_the_order_they_are_named() -> None:
    spell = apply_styles(Spell("a cat", "bad"), ["Ink", "Sharp"], [SHARP, INK])
    assert spell == Spell("ink drawing of a cat, monochrome, sharp focus", "bad, colour, blurry")


def test_an_unknown_style_is_refused_with_near_names() -> None:
    with pytest.raises(PromptError, match="Near: Ink") as caught:
        apply_styles(Spell(), ["Inc"], [INK, SHARP])
    assert caught.value.stable_code == "style_not_found"


def test_the_styles_file_of_a1111_is_read_and_written() -> None:
    text = '\ufeffname,prompt,negative_prompt\nInk,"ink, {prompt}",\n---- old ----,,\nNone,,\nA,"x ""y""",z\n'
    styles = read_styles(text)
    assert styles == (Style("Ink", "ink, {prompt}"), Style("None"), Style("A", 'x "y"', "z"))
    assert read_styles(write_styles(styles)) == styles
