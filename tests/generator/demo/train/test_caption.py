"""Captions say what the scene shows, and foreign words add nothing to it."""

import numpy as np
import pytest

from generator.demo.concepts import Concept
from generator.demo.train.caption import Teller, article, plural, with_article
from generator.demo.train.scene import Scene


def _teller() -> Teller:
    concepts = {"owl": Concept("1f989", "owl", ()), "car": Concept("1f697", "car", ("automobile",))}
    return Teller(concepts, ("masterpiece", "8k"), names_style=False)


@pytest.mark.parametrize(
    ("thing", "several"),
    [("owl", "owls"), ("bus", "buses"), ("butterfly", "butterflies"), ("key", "keys"), ("red fish", "red fish")],
)
def test_plurals(thing: str, several: str) -> None:
    assert plural(thing) == several


def test_articles_follow_the_sound_and_spare_plurals() -> None:
    assert article("orange") == "an orange"
    assert with_article("small owl") == "a small owl"
    assert with_article("cherries") == "cherries"


def test_every_caption_names_the_thing_the_colour_and_the_background() -> None:
    rng = np.random.default_rng(0)
    scene = Scene("3d", "owl", "single", "teal", colour="red")
    for _ in range(30):
        text = _teller().tell(scene, rng)
        assert "red owl" in text
        assert "teal background" in text


def test_a_white_background_is_often_left_unsaid() -> None:
    rng = np.random.default_rng(0)
    texts = [_teller().plain(Scene("3d", "owl", "single", "white"), rng) for _ in range(40)]
    assert 0 < sum("white" in t for t in texts) < 40


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        (Scene("3d", "owl", "two", "white"), "two owls"),
        (Scene("3d", "owl", "three", "white"), "three owls"),
        (Scene("3d", "owl", "small", "white", side="top"), "small owl at the top"),
    ],
)
def test_layouts_are_told(scene: Scene, words: str) -> None:
    assert words in _teller().plain(scene, np.random.default_rng(0))


def test_two_different_things_are_both_told_in_their_order() -> None:
    scene = Scene("3d", "owl", "different", "white", second="car")
    text = _teller().plain(scene, np.random.default_rng(0))
    assert text.index("owl") < text.index("car")


def test_foreign_words_surround_the_caption_unchanged() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        words = _teller().with_foreign_words("an owl", rng).split(", ")
        assert words.count("an owl") == 1
        assert set(words) - {"an owl"} <= {"masterpiece", "8k"}


def test_a_teller_does_not_know_scenes_of_other_things() -> None:
    assert not _teller().knows(Scene("3d", "heart", "single", "white"))
    assert not _teller().knows(Scene("3d", "owl", "different", "white", second="heart"))
