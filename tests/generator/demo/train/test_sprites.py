"""Cutting out and painting drawings."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from generator.demo.palette import HUES, Hue
from generator.demo.train.sprites import Sprite, cut_out, dominant_hue, name_hue, paint


def _disc(colour: tuple[int, int, int]) -> Image.Image:
    picture = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    ImageDraw.Draw(picture).ellipse((20, 10, 40, 50), fill=(*colour, 255))
    return picture


def test_a_cut_out_fills_its_square() -> None:
    sprite = cut_out("disc", _disc((220, 30, 30)))
    assert sprite.picture.size == (41, 41)
    box = sprite.picture.getbbox()
    assert box is not None
    assert box[1] == 0
    assert box[3] == 41


@pytest.mark.parametrize(
    ("colour", "name"), [((220, 30, 30), "red"), ((30, 60, 220), "blue"), ((30, 180, 60), "green")]
)
def test_the_dominant_hue_of_a_plain_drawing_is_its_colour(colour: tuple[int, int, int], name: str) -> None:
    dominant = dominant_hue(_disc(colour))
    assert dominant is not None
    assert name_hue(dominant).name == name


def test_a_gray_drawing_has_no_dominant_hue() -> None:
    assert dominant_hue(_disc((120, 120, 120))) is None


@pytest.mark.parametrize("hue", HUES, ids=lambda h: h.name)
def test_painting_gives_the_asked_hue_and_keeps_the_outline(hue: Hue) -> None:
    sprite = cut_out("disc", _disc((220, 30, 30)))
    painted = paint(sprite, hue)
    turned = dominant_hue(painted)
    assert turned is not None
    assert name_hue(turned) == hue
    assert np.array_equal(np.asarray(painted)[..., 3], np.asarray(sprite.picture)[..., 3])


def test_a_drawing_without_a_dominant_hue_cannot_be_painted() -> None:
    sprite = Sprite("stone", _disc((120, 120, 120)), None)
    with pytest.raises(ValueError, match="stone"):
        paint(sprite, HUES[0])
