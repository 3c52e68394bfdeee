"""Cut-out drawings, and the same drawings in other colours."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from generator.demo.palette import HUES, Hue

_DOMINANT_SHARE = 0.6
_BORDERS = (
    (11, "red"),
    (33, "orange"),
    (70, "yellow"),
    (180, "green"),
    (240, "blue"),
    (300, "purple"),
    (335, "pink"),
    (360, "red"),
)
_WINDOW = 34.0  # degrees on either side of the dominant hue
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Sprite:
    """One drawing, cut to its outline and centred on a square."""

    name: str
    picture: Image.Image
    """RGBA."""
    dominant: float | None
    """The hue, in degrees, of a drawing that has mostly one; `None` for a many-coloured or gray one."""


def cut_out(name: str, drawing: Image.Image) -> Sprite:
    """The sprite of a drawing: transparent margins cut away, padded to a square."""
    box = drawing.getchannel("A").point(lambda a: 255 if a > 8 else 0).getbbox() or (0, 0, *drawing.size)
    cut = drawing.crop(box)
    side = max(cut.size)
    square = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    square.paste(cut, ((side - cut.width) // 2, (side - cut.height) // 2))
    return Sprite(name, square, dominant_hue(square))


def dominant_hue(picture: Image.Image) -> float | None:
    """The hue that at least 60 % of the visible pixels share, in degrees; `None` when there is none."""
    hue, saturation, value, alpha = _hsv(picture)
    visible = alpha > 128
    vivid = visible & (saturation > 0.35) & (value > 0.25)
    if vivid.sum() < 0.4 * visible.sum():
        return None
    counts, edges = np.histogram(hue[vivid], bins=72, range=(0, 360))
    # Smooth around the circle: a red drawing lies on both sides of zero.
    smooth = sum(np.roll(counts, shift) for shift in range(-4, 5))
    peak = float(edges[int(np.argmax(smooth))] + 2.5)
    near = _distance(hue[vivid], peak) < _WINDOW
    if near.mean() < _DOMINANT_SHARE:
        return None
    # The smoothed peak is a plateau; the mean of what lies around it is its middle.
    offsets = (hue[vivid][near] - peak + 180) % 360 - 180
    return float((peak + offsets.mean()) % 360)


def name_hue(degrees: float) -> Hue:
    """The hue people would call `degrees`; the borders are where the drawings' golds and roses lie."""
    name = next(name for border, name in _BORDERS if degrees % 360 < border)
    return next(h for h in HUES if h.name == name)


def paint(sprite: Sprite, hue: Hue) -> Image.Image:
    """The sprite with its dominant hue turned to `hue`; other colours keep theirs.

    Raises:
        ValueError: The sprite has no dominant hue.
    """
    if sprite.dominant is None:
        raise ValueError(f"{sprite.name} has no dominant hue to paint over")
    h, s, v, alpha = _hsv(sprite.picture)
    share = np.clip(1.6 - _distance(h, sprite.dominant) / _WINDOW, 0, 1)
    offset = (h - sprite.dominant + 180) % 360 - 180
    turned = hue.degrees + 0.35 * offset
    brightness = {"yellow": 1.12, "blue": 0.92, "purple": 0.9}.get(hue.name, 1.0)
    painted = _rgb(turned % 360, np.clip(s * 1.05, 0, 1), np.clip(v * brightness, 0, 1))
    original = np.asarray(sprite.picture)[..., :3].astype(np.float32)
    mixed = original * (1 - share[..., None]) + painted * share[..., None]
    rgba = np.dstack([mixed, alpha]).round().astype(np.uint8)
    return Image.fromarray(rgba, "RGBA")


def _distance(hue: NDArray[np.float32], centre: float) -> NDArray[np.float32]:
    distance: NDArray[np.float32] = np.abs((hue - centre + 180) % 360 - 180)
    return distance


def _hsv(picture: Image.Image) -> tuple[NDArray[np.float32], ...]:
    """Hue in degrees, saturation and value in 0..1, alpha in 0..255."""
    rgba = np.asarray(picture).astype(np.float32)
    rgb = rgba[..., :3] / 255
    value, low = rgb.max(-1), rgb.min(-1)
    span = np.maximum(value - low, 1e-6)
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    sector = np.where(
        value == red,
        (green - blue) / span % 6,
        np.where(value == green, (blue - red) / span + 2, (red - green) / span + 4),
    )
    return sector * 60, span / np.maximum(value, 1e-6), value, rgba[..., 3]


def _rgb(h: NDArray[np.float32], s: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.float32]:
    """The inverse of `_hsv`, scaled to 0..255."""
    channels = []
    for n in (5, 3, 1):
        k = (n + h / 60) % 6
        channels.append(v - v * s * np.clip(np.minimum(k, 4 - k), 0, 1))
    return np.stack(channels, -1) * 255


def colour_of(hue: Hue) -> tuple[int, int, int]:
    """A plain sample of a hue, 0 to 255."""
    r, g, b = colorsys.hsv_to_rgb(hue.degrees / 360, 0.85, 0.95)
    return round(r * 255), round(g * 255), round(b * 255)
