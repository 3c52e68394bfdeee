"""Draws a scene: sprites on a plain background."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from generator.demo.palette import BACKGROUNDS, HUES
from generator.demo.train.scene import Scene
from generator.demo.train.sprites import Sprite, paint

Pixels = NDArray[np.uint8]


class Painter:
    """Draws scenes of one style, keeping every painted sprite it has made.

    Args:
        sprites: By name.
    """

    def __init__(self, sprites: dict[str, Sprite]) -> None:
        self._sprites = sprites
        self._painted: dict[tuple[str, str | None], Image.Image] = {}

    def draw(self, scene: Scene, size: int, rng: np.random.Generator) -> Pixels:
        """The picture of a scene, uint8 [size, size, 3]; `rng` jitters size and place."""
        rgb = next(b.rgb for b in BACKGROUNDS if b.name == scene.background)
        canvas = Image.new("RGBA", (size, size), (*rgb, 255))
        for name, x, y, side in _places(scene, rng):
            picture = self._picture(name, scene.colour if name == scene.name else None)
            pixels = max(8, round(side * size))
            # Premultiplied, so that transparent pixels lend no colour to the edges.
            small = picture.convert("RGBa").resize((pixels, pixels), Image.Resampling.LANCZOS).convert("RGBA")
            corner = (round(x * size - pixels / 2), round(y * size - pixels / 2))
            canvas.paste(small, corner, small)
        return np.asarray(canvas.convert("RGB"))

    def _picture(self, name: str, colour: str | None) -> Image.Image:
        key = (name, colour)
        if key not in self._painted:
            sprite = self._sprites[name]
            hue = next((h for h in HUES if h.name == colour), None)
            self._painted[key] = sprite.picture if hue is None else paint(sprite, hue)
        return self._painted[key]


def _places(scene: Scene, rng: np.random.Generator) -> list[tuple[str, float, float, float]]:
    """(name, centre x, centre y, side) of every thing, in shares of the canvas."""
    dx, dy = rng.uniform(-0.03, 0.03, 2)
    if scene.layout == "two":
        side = rng.uniform(0.42, 0.47)
        return [(scene.name, x + dx / 2, 0.5 + dy, side) for x in (0.26, 0.74)]
    if scene.layout == "three":
        side = rng.uniform(0.29, 0.32)
        return [(scene.name, x + dx / 3, 0.5 + dy, side) for x in (0.18, 0.5, 0.82)]
    if scene.layout == "different" and scene.second:
        side = rng.uniform(0.42, 0.47)
        return [(scene.name, 0.26 + dx / 2, 0.5 + dy, side), (scene.second, 0.74 + dx / 2, 0.5 + dy, side)]
    if scene.layout == "small":
        x, y = {"left": (0.26, 0.5), "right": (0.74, 0.5), "top": (0.5, 0.26), "bottom": (0.5, 0.74)}[
            scene.side or "left"
        ]
        return [(scene.name, x + dx, y + dy, rng.uniform(0.4, 0.48))]
    return [(scene.name, 0.5 + dx, 0.5 + dy, rng.uniform(0.78, 0.9))]
