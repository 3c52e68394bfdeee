"""Scenes are drawn where and how they say."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from generator.demo.palette import BACKGROUNDS, Background
from generator.demo.train.compose import Painter
from generator.demo.train.pictures import Composition, compose_pictures, open_pictures
from generator.demo.train.scene import Scene, random_scene
from generator.demo.train.sprites import Sprite

_RED, _BLUE = (214, 20, 20, 255), (20, 20, 214, 255)


def _sprites() -> dict[str, Sprite]:
    squares = {"heart": (_RED, 0.0), "car": (_BLUE, 240.0)}
    return {n: Sprite(n, Image.new("RGBA", (32, 32), colour), hue) for n, (colour, hue) in squares.items()}


def _draw(scene: Scene) -> np.ndarray:
    return Painter(_sprites()).draw(scene, 64, np.random.default_rng(0)).astype(int)


@pytest.mark.parametrize("background", BACKGROUNDS, ids=lambda b: b.name)
def test_the_background_has_its_colour(background: Background) -> None:
    picture = _draw(Scene("3d", "car", "single", background.name))
    assert tuple(picture[0, 0]) == background.rgb


def test_a_small_thing_on_the_left_stands_on_the_left() -> None:
    picture = _draw(Scene("3d", "car", "small", "white", side="left"))
    columns = np.nonzero((picture[..., 0] < 100).any(0))[0]
    assert columns.mean() < 24


def test_three_things_are_three() -> None:
    row = (_draw(Scene("3d", "car", "three", "white"))[32, :, 0] < 100).astype(int)
    assert (np.diff(row) == 1).sum() == 3


def test_different_things_keep_their_sides() -> None:
    picture = _draw(Scene("3d", "car", "different", "white", second="heart"))
    assert picture[32, 16, 2] > 150 > picture[32, 16, 0]
    assert picture[32, 48, 0] > 150 > picture[32, 48, 2]


def test_a_composed_set_is_the_same_for_the_same_seed_and_opens_again(tmp_path: Path) -> None:
    for name in ("a", "b"):
        what = Composition("3d", 6, 32)
        compose_pictures(tmp_path / name, _sprites(), what, np.random.default_rng(5))
    a, b = open_pictures(tmp_path / "a"), open_pictures(tmp_path / "b")
    assert np.array_equal(a.pixels, b.pixels)
    assert a.scenes == b.scenes
    assert len(a.scenes) == 6


def test_rows_of_leaves_out_pairs_with_unknown_things(tmp_path: Path) -> None:
    compose_pictures(tmp_path, _sprites(), Composition("3d", 40, 16), np.random.default_rng(1))
    pictures = open_pictures(tmp_path)
    for row in pictures.rows_of({"car"}):
        assert pictures.scenes[row].name == "car"
        assert pictures.scenes[row].second in (None, "car")


def test_random_scenes_never_pair_a_thing_with_itself() -> None:
    rng = np.random.default_rng(3)
    scenes = [random_scene(rng, _sprites(), "3d") for _ in range(200)]
    assert all(s.second != s.name for s in scenes)
    assert {s.layout for s in scenes} == {"single", "small", "two", "three", "different"}
