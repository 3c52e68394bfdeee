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
    texts = [_teller().plain(scene, rng) for _ in range(200)]
    told = [text for text in texts if text != "red"]
    assert 0 < len(texts) - len(told) < 40  # now and then the colour stands for all
    assert all("owl" in text and "teal background" in text for text in told)
    assert 20 < sum("red owl" not in text for text in told) < 60  # and now and then it is left unsaid


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
    rng = np.random.default_rng(0)
    texts = [text for _ in range(40) if " and " in (text := _teller().plain(scene, rng))]
    assert texts
    assert all(text.index("owl") < text.index("car") for text in texts)


def test_foreign_words_stand_before_behind_and_inside_the_caption() -> None:
    rng = np.random.default_rng(0)
    texts = [_teller().with_foreign_words("an owl", rng) for _ in range(80)]
    assert all(text.count("owl") == 1 for text in texts)
    assert all(set(text.replace(",", "").split()) & {"masterpiece", "8k"} for text in texts)
    assert any(text.startswith("an owl, ") for text in texts)
    assert any(text.endswith(", an owl") for text in texts)
    assert any("a masterpiece owl" in text for text in texts)
    assert any("an owl in the style of" in text for text in texts)


def test_some_captions_name_only_the_kind_and_say_so() -> None:
    rng = np.random.default_rng(0)
    concepts = {"owl": Concept("1f989", "owl", (), "animal")}
    teller = Teller(concepts, ("8k",), names_style=False)
    scene = Scene("3d", "owl", "single", "white")
    texts = [teller.plain(scene, rng) for _ in range(80)]
    assert 0 < sum("animal" in text for text in texts) < 30
    assert all(teller.names(scene, text) == ("owl" in text) for text in texts)


def test_some_pictures_of_two_things_are_told_by_one_of_them() -> None:
    rng = np.random.default_rng(0)
    scene = Scene("3d", "owl", "different", "white", second="car")
    texts = [_teller().plain(scene, rng) for _ in range(80)]
    assert any("owl" in text and not {"car", "automobile"} & set(text.split()) for text in texts)
    assert any("car" in text and "owl" not in text for text in texts)
    assert sum("owl" in text and "car" in text for text in texts) > 40


def test_a_teller_does_not_know_scenes_of_other_things() -> None:
    assert not _teller().knows(Scene("3d", "heart", "single", "white"))
    assert not _teller().knows(Scene("3d", "owl", "different", "white", second="heart"))


def test_foreign_words_stand_before_the_thing_as_often_as_behind_it() -> None:
    rng = np.random.default_rng(0)
    texts = [_teller().with_foreign_words("an owl", rng) for _ in range(300)]
    firsts = sum(text.startswith(("masterpiece", "8k")) for text in texts)
    lasts = sum(text.endswith(("masterpiece", "8k")) for text in texts)
    assert firsts > 100
    assert lasts > 100


def test_a_kind_or_a_colour_alone_does_not_name_the_thing() -> None:
    scene = Scene("3d", "car", "single", "white", colour="red")
    said = {text: _teller().names(scene, text) for text in ("red", "a red vehicle", "a red car", "an automobile")}
    assert said == {"red": False, "a red vehicle": False, "a red car": True, "an automobile": True}
