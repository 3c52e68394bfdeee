"""Measured facts on pictures made to have them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from prompts.interrogation.colours import palette
from prompts.interrogation.measured import measure


def facts(picture: Image.Image) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for term in measure(picture).terms:
        assert term.source == "measured"
        assert term.similarity is not None
        assert 0.0 <= term.similarity <= 1.0
        found.setdefault(term.category, []).append(term.text)
    return found


def plain(colour: str, size: tuple[int, int] = (160, 160)) -> Image.Image:
    return Image.new("RGB", size, colour)


def checker(a: str, b: str, cell: int = 16, size: int = 256) -> Image.Image:
    picture = plain(a, (size, size))
    draw = ImageDraw.Draw(picture)
    for y in range(0, size, cell):
        for x in range((y // cell % 2) * cell, size, 2 * cell):
            draw.rectangle((x, y, x + cell - 1, y + cell - 1), fill=b)
    return picture


@pytest.mark.parametrize(
    ("hex_colour", "name"),
    [
        ("#ff0000", "red"),
        ("#8b0000", "dark red"),
        ("#ffa500", "orange"),
        ("#8b4513", "brown"),
        ("#ffff00", "yellow"),
        ("#00aa00", "green"),
        ("#006400", "dark green"),
        ("#008080", "teal"),
        ("#87ceeb", "sky blue"),
        ("#0000ff", "blue"),
        ("#000080", "dark blue"),
        ("#800080", "purple"),
        ("#ffc0cb", "pink"),
        ("#ff00ff", "magenta"),
        ("#000000", "black"),
        ("#808080", "gray"),
        ("#ffffff", "white"),
        ("#f5f5dc", "beige"),
    ],
)
def test_well_known_colours_get_their_names(hex_colour: str, name: str) -> None:
    swatches = palette(np.asarray(plain(hex_colour)))
    assert [(s.name, s.hex, s.share) for s in swatches] == [(name, hex_colour, 1.0)]


def test_shares_are_the_parts_of_the_picture_largest_first() -> None:
    picture = plain("#ff0000", (100, 100))
    picture.paste("#0000ff", (0, 0, 100, 30))
    assert [(s.name, s.share) for s in palette(np.asarray(picture))] == [("red", 0.7), ("blue", 0.3)]


@pytest.mark.parametrize(
    ("picture", "category", "text"),
    [
        (plain("#101418"), "light", "low-key lighting"),
        (plain("#f4f4f0"), "light", "high-key lighting"),
        (checker("black", "white"), "light", "high contrast"),
        (plain("#777777"), "light", "low contrast"),
        (plain("#777777"), "saturation", "monochrome"),
        (checker("#8a7f7a", "#7a8a85"), "saturation", "muted colors"),
        (checker("#ff0000", "#0044ff"), "saturation", "vivid colors"),
        (checker("#ff4400", "#ffcc00"), "temperature", "warm colors"),
        (checker("#0044ff", "#00bbdd"), "temperature", "cool colors"),
        (checker("black", "white"), "focus", "sharp focus"),
        (checker("black", "white", 64).filter(ImageFilter.GaussianBlur(12)), "focus", "soft focus"),
        (plain("red", (300, 100)), "format", "very wide format"),
        (plain("red", (300, 200)), "format", "wide format"),
        (plain("red", (200, 200)), "format", "square format"),
        (plain("red", (200, 300)), "format", "tall format"),
        (plain("red", (100, 300)), "format", "very tall format"),
    ],
)
def test_a_picture_made_to_have_a_property_is_said_to_have_it(picture: Image.Image, category: str, text: str) -> None:
    assert text in facts(picture)[category]


@pytest.mark.parametrize("category", ["light", "saturation", "temperature", "background"])
def test_an_ordinary_picture_is_not_called_special(category: str) -> None:
    rng = np.random.default_rng(0)
    tiles = rng.integers(40, 215, (6, 6, 3), dtype=np.uint8)
    picture = Image.fromarray(tiles).resize((300, 200), Image.Resampling.NEAREST)
    assert category not in facts(picture)


def test_a_plain_ground_around_a_thing_is_named() -> None:
    picture = plain("white", (200, 200))
    ImageDraw.Draw(picture).ellipse((50, 50, 150, 150), fill="red")
    assert facts(picture)["background"] == ["white background"]
    assert "background" not in facts(plain("white"))


def test_greys_are_light_not_palette() -> None:
    assert "palette" not in facts(checker("black", "white"))
    assert facts(checker("black", "#ff0000"))["palette"] == ["red tones"]


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (2, 2), (7, 9)])
def test_the_smallest_pictures_are_measured_too(size: tuple[int, int]) -> None:
    assert facts(plain("red", size))["palette"] == ["red tones"]


def test_the_same_pixels_give_the_same_facts_and_size_hardly_matters() -> None:
    picture = checker("#ff4400", "#224488", 64, 512)
    assert measure(picture) == measure(picture.copy())
    larger = measure(picture.resize((1024, 1024), Image.Resampling.NEAREST))
    assert [t.text for t in larger.terms] == [t.text for t in measure(picture).terms]
