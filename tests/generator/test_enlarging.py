from __future__ import annotations

from typing import NoReturn

import pytest
from PIL import Image

from generator.enlarging import Enlarger
from generator.errors import UnsupportedSpell
from generator.events import Picture
from generator.source_pixels import as_image, as_picture
from prompts.errors import SpellOutOfRange
from prompts.upscale import Upscale


def _no_networks() -> NoReturn:
    raise AssertionError("no network was asked for")


def _picture() -> Picture:
    image = Image.new("RGB", (40, 20), "red")
    image.paste("blue", (20, 0, 40, 20))
    return as_picture(image)


@pytest.mark.parametrize(
    ("upscale", "size"),
    [
        (Upscale("", "Nearest"), (80, 40)),
        (Upscale("", "Lanczos", by=1.99), (79, 39)),
        (Upscale("", "lanczos", to=(100, 100)), (100, 100)),
        (Upscale("", "Lanczos", to=(100, 100), crop=False), (100, 50)),
        (Upscale("", "Lanczos", to=(20, 20)), (20, 20)),
    ],
)
def test_a_picture_is_enlarged_by_a_factor_or_to_a_size(upscale: Upscale, size: tuple[int, int]) -> None:
    large = Enlarger(_no_networks).enlarge(_picture(), upscale)
    assert (large.width, large.height) == size
    image = as_image(large)
    assert image.getpixel((0, size[1] // 2)) == (255, 0, 0)
    assert image.getpixel((size[0] - 1, size[1] // 2)) == (0, 0, 255)


def test_a_second_upscaler_is_laid_over_the_first() -> None:
    enlarger = Enlarger(_no_networks)
    plain = as_image(enlarger.enlarge(_picture(), Upscale("", "Lanczos", by=3)))
    other = as_image(enlarger.enlarge(_picture(), Upscale("", "Nearest", by=3)))
    half = Upscale("", "Lanczos", by=3, second="Nearest", second_visibility=0.5)
    assert as_image(enlarger.enlarge(_picture(), half)).tobytes() == Image.blend(plain, other, 0.5).tobytes()


@pytest.mark.parametrize(
    "upscale",
    [Upscale("", by=0.5), Upscale("", by=float("nan")), Upscale("", to=(8192, 8192)), Upscale("", to=(9000, 20))],
)
def test_sizes_outside_the_limits_are_refused(upscale: Upscale) -> None:
    with pytest.raises(SpellOutOfRange):
        Enlarger(_no_networks).enlarge(_picture(), upscale)


def test_an_unknown_upscaler_is_refused_with_near_ones() -> None:
    class Nothing:
        def find(self, name: str) -> None:
            del name

        def names(self) -> tuple[str, ...]:
            return ("R-ESRGAN 4x+",)

    with pytest.raises(UnsupportedSpell, match=r"R-ESRGAN 4x\+") as refused:
        Enlarger(Nothing).enlarge(_picture(), Upscale("", "R-ESRGAN 4x"))  # type: ignore[arg-type]
    assert refused.value.stable_code == "upscaler_not_found"
