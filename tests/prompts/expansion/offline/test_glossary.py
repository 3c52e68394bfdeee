"""The glossary's data."""

from __future__ import annotations

import pytest

from prompts.expansion.offline.glossary import COLUMNS, rows, words_of
from prompts.expansion.offline.noun_phrase import MODIFIER_KINDS, NOUN_KINDS
from prompts.expansion.offline.scenery import states, styles
from prompts.expansion.offline.words import article, fold, plural, singular

KINDS = NOUN_KINDS | MODIFIER_KINDS | {"verb", "pose", "weather", "time", "light", "scene", "style", "framing"}
KINDS |= {"quality", "number", "word"}


def test_every_row_has_a_known_kind_and_seven_columns() -> None:
    for term, cells in rows():
        assert term.kind in KINDS, term
        assert len(cells) == len(COLUMNS), term
        assert term.english or term.kind == "word", term
        assert term.english.isascii(), term


def test_the_glossary_is_large_in_every_language() -> None:
    sizes = {language: len(words_of(language)) for language in COLUMNS}
    assert sizes["zh"] > 2000 and min(sizes.values()) > 800, sizes


@pytest.mark.parametrize("language", ["zh", "ja", "ko", "es", "fr", "de"])
def test_picture_words_are_translated_in_every_language(language: str) -> None:
    column = COLUMNS.index(language)
    pictured = [term for term, cells in rows() if term.kind in NOUN_KINDS and not cells[column]]
    assert pictured == []


def test_styles_and_states_have_names_and_none_is_an_artist() -> None:
    assert len(styles()) > 15 and len(states()) > 15
    for style in styles():
        assert style.words and style.tags and style.lead.endswith((" of", "of")), style.name
    text = " ".join(word for style in styles() for word in (*style.words, *style.tags)).casefold()
    assert " by " not in f" {text} " and "artstation" not in text and "greg" not in text


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("cat", "cats"), ("fox", "foxes"), ("city", "cities"), ("woman", "women"), ("old man", "old men"),
        ("child", "children"), ("wolf", "wolves"), ("knife", "knives"), ("boy", "boys"), ("church", "churches"),
        ("dress", "dresses"), ("sheep", "sheep"), ("fireman", "firemen"),
    ],
)  # fmt: skip
def test_nouns_are_counted_as_english_counts_them(one: str, many: str) -> None:
    assert plural(one) == many and singular(many.split()[-1]) == one.split()[-1]


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("cat", "a"),
        ("apple", "an"),
        ("umbrella", "an"),
        ("unicorn", "a"),
        ("hour", "an"),
        ("old man", "an"),
        ("UFO", "a"),
    ],
)
def test_the_article_is_the_one_that_is_spoken(noun: str, expected: str) -> None:
    assert article(noun) == expected


def test_spelling_case_and_plural_do_not_tell_words_apart() -> None:
    assert fold("Armours") == fold("armor") and fold("Colours") == fold("color") and fold("boxes") == fold("box")
