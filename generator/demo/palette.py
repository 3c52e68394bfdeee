"""The colours the family is taught: plain backgrounds and the hues an object can be painted in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Background:
    """One plain background."""

    name: str
    rgb: tuple[int, int, int]
    """Red, green, blue, 0 to 255."""


@dataclass(frozen=True, slots=True)
class Hue:
    """One colour an object can be painted in."""

    name: str
    degrees: float
    """Position on the colour wheel, 0 (red) to 360."""


BACKGROUNDS: tuple[Background, ...] = (
    Background("white", (255, 255, 255)),
    Background("black", (18, 18, 20)),
    Background("gray", (140, 142, 146)),
    Background("red", (214, 48, 49)),
    Background("orange", (245, 138, 31)),
    Background("yellow", (252, 215, 52)),
    Background("green", (60, 165, 75)),
    Background("teal", (22, 160, 155)),
    Background("blue", (45, 105, 220)),
    Background("purple", (130, 70, 190)),
    Background("pink", (250, 150, 195)),
    Background("brown", (125, 82, 50)),
)

HUES: tuple[Hue, ...] = (
    Hue("red", 357.0),
    Hue("orange", 27.0),
    Hue("yellow", 51.0),
    Hue("green", 125.0),
    Hue("blue", 215.0),
    Hue("purple", 277.0),
    Hue("pink", 328.0),
)
