"""The ink style keeps the outline and takes the colours."""

import numpy as np
from PIL import Image, ImageDraw

from generator.demo.train.ink import half_ink_over, ink_over
from generator.demo.train.sprites import Sprite


def _disc() -> Sprite:
    picture = Image.new("RGBA", (200, 200), (0, 0, 0, 0))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((0, 0, 199, 199), fill=(220, 40, 40, 255))
    pen.rectangle((80, 80, 120, 120), fill=(250, 230, 90, 255))
    return Sprite("disc", picture, 0.0)


def test_an_ink_drawing_is_gray_and_has_no_colour_to_paint_over() -> None:
    drawn = ink_over(_disc())
    rgb = np.asarray(drawn.picture)[..., :3]
    assert (rgb.max(-1) == rgb.min(-1)).all()
    assert drawn.dominant is None


def test_its_outline_is_black_and_its_parts_are_parted_by_lines() -> None:
    pixels = np.asarray(ink_over(_disc()).picture)
    row = pixels[128]
    seen = row[row[:, 3] > 0, 0]
    assert seen[0] == seen[-1] < 30
    dark = (seen < 30).astype(int)
    assert (np.diff(dark) == 1).sum() == 3  # both sides of the square, and the right outline


def test_it_keeps_the_drawings_shape() -> None:
    alpha = np.asarray(ink_over(_disc()).picture)[..., 3] > 0
    y, x = np.indices(alpha.shape)
    disc = np.hypot(x - 127.5, y - 127.5) < 124
    assert (alpha == disc).mean() > 0.96


def test_half_an_ink_drawing_lies_in_the_middle_and_has_the_same_outline() -> None:
    half, whole = half_ink_over(_disc()).picture, ink_over(_disc()).picture
    gray, mixed = (np.array(p.getpixel((60, 128)), np.float64) for p in (whole, half))
    assert np.abs(mixed - (gray + np.array((220, 40, 40, 255))) / 2).max() <= 1
    assert ((np.asarray(half)[..., 3] > 0) == (np.asarray(whole)[..., 3] > 0)).all()
