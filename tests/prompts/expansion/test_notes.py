"""Sentences for people: every key in both languages, and every key that the code names is there."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from prompts.expansion.data_files import load_toml
from prompts.expansion.notes import NOTE_LANGUAGES, note, texts

ROOT = Path(__file__).parents[3]
TABLE = load_toml("data", "notes.toml")


@pytest.mark.parametrize("key", TABLE)
def test_a_note_is_said_in_each_language_with_the_same_blanks(key: str) -> None:
    blanks = [
        {name for _, name, _, _ in Formatter().parse(TABLE[key][language]) if name} for language in NOTE_LANGUAGES
    ]
    assert blanks[0] == blanks[1]
    assert note(key, **dict.fromkeys(blanks[0], "x")).to_json()["key"] == key


def test_every_key_that_the_code_names_is_in_the_table() -> None:
    sources = [p.read_text("utf-8") for folder in ("prompts", "service") for p in (ROOT / folder).rglob("*.py")]
    named = {key for text in sources for key in re.findall(r'\bnote\(\s*"([a-z0-9_.]+)"', text)}
    assert len(named) >= 15 and sorted(named - set(TABLE)) == []


def test_what_fills_a_blank_is_never_read_as_a_blank() -> None:
    said = note("hands.named", word="{reasons} 100%")
    assert "{reasons} 100%" in said.text("zh") and texts([said]) == [str(said)]
