from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from prompts.canvas import Margins, extended
from prompts.errors import SpellOutOfRange


def test_an_extended_canvas_keeps_the_picture_repeats_its_edges_and_masks_the_new_part_with_an_overlap() -> None:
    image = Image.new("RGB", (64, 48), "red")
    image.paste("blue", (0, 0, 4, 48))
    canvas, mask = extended(image, Margins(left=16, bottom=13), blur=2)
    assert canvas.size == mask.size == (80, 64)  # 61 high, in whole cells 64
    assert canvas.crop((16, 0, 80, 48)).tobytes() == image.tobytes()
    assert canvas.getpixel((0, 0)) == (0, 0, 255)
    assert canvas.getpixel((79, 63)) == (255, 0, 0)
    levels = np.asarray(mask)
    assert (levels[:, :20] == 255).all()  # 16 new ones and an overlap of twice the blur
    assert (levels[:44, 20:] == 0).all()
    assert (levels[44:] == 255).all()


@pytest.mark.parametrize("margins", [Margins(), Margins(left=-8), Margins(top=1025), Margins(left=1024, right=1000)])
def test_margins_outside_their_range_are_refused(margins: Margins) -> None:
    with pytest.raises(SpellOutOfRange):
        extended(Image.new("RGB", (64, 64)), margins, 4)


def test_an_overlap_larger_than_the_picture_masks_all_of_it() -> None:
    _, mask = extended(Image.new("RGB", (64, 64)), Margins(left=8, right=8), blur=64)
    assert np.asarray(mask).min() == 255
