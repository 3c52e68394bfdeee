from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from generator.source_pixels import filled, mask_box, resized


def _mask(size: tuple[int, int], box: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(255, box)
    return mask


@pytest.mark.parametrize(
    ("size", "white", "padding", "drawn", "box"),
    [
        # in the middle: padded, already of the ratio
        ((100, 100), (40, 40, 60, 60), 10, (64, 64), (30, 30, 70, 70)),
        # wide box for a square picture: grown in height
        ((100, 100), (20, 45, 80, 55), 0, (64, 64), (20, 20, 80, 80)),
        # at the top edge: pushed back inside
        ((100, 100), (20, 0, 80, 10), 0, (64, 64), (20, 0, 80, 60)),
        # at the lower right corner
        ((100, 100), (90, 40, 100, 100), 0, (64, 64), (40, 40, 100, 100)),
        # larger than the picture can give: cut at the edges
        ((100, 40), (0, 0, 100, 40), 32, (64, 64), (0, 0, 100, 40)),
        # a tall target
        ((200, 200), (80, 90, 120, 110), 0, (64, 128), (80, 60, 120, 140)),
    ],
)
def test_the_box_around_a_mask_is_padded_and_grown_to_the_drawn_ratio(
    size: tuple[int, int],
    white: tuple[int, int, int, int],
    padding: int,
    drawn: tuple[int, int],
    box: tuple[int, int, int, int],
) -> None:
    assert mask_box(_mask(size, white), padding, drawn) == box


def test_an_empty_mask_has_no_box() -> None:
    with pytest.raises(ValueError, match="empty"):
        mask_box(Image.new("L", (8, 8)), 0, (64, 64))


def _two_colours() -> Image.Image:
    """Left half red, right half blue, 80 x 40."""
    image = Image.new("RGB", (80, 40), "red")
    image.paste("blue", (40, 0, 80, 40))
    return image


def test_crop_and_resize_covers_and_cuts_the_sides() -> None:
    small = np.asarray(resized(_two_colours(), "Crop and resize", (20, 20)))
    assert small.shape == (20, 20, 3)
    assert (small[:, 0] == (255, 0, 0)).all()
    assert (small[:, -1] == (0, 0, 255)).all()


def test_resize_and_fill_keeps_all_and_stretches_the_edges() -> None:
    image = _two_colours()
    image.paste("green", (0, 0, 80, 4))
    tall = np.asarray(resized(image, "Resize and fill", (80, 120)))
    assert tall.shape == (120, 80, 3)
    assert (tall[:40] == (0, 128, 0)).all()  # the top row, stretched
    assert (tall[60, 5] == (255, 0, 0)).all()
    assert (tall[119, 75] == (0, 0, 255)).all()
    wide = np.asarray(resized(_two_colours(), "Resize and fill", (160, 40)))
    assert (wide[:, :40] == (255, 0, 0)).all()
    assert (wide[:, 120:] == (0, 0, 255)).all()


def test_just_resize_distorts() -> None:
    assert resized(_two_colours(), "Just resize", (33, 77)).size == (33, 77)


def test_fill_paints_the_hole_with_the_colours_around_it_and_leaves_the_rest() -> None:
    image = Image.new("RGB", (64, 64), (200, 40, 40))
    image.paste((0, 255, 0), (24, 24, 40, 40))
    result = np.asarray(filled(image, _mask((64, 64), (22, 22, 42, 42)))).astype(int)
    assert np.abs(result[32, 32] - (200, 40, 40)).max() < 8
    assert (result[:20] == (200, 40, 40)).all()
