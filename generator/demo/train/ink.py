"""The LoRA's style: the same drawings in ink."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from generator.demo.train.sprites import Sprite

_SIDE = 256
_LINE = 9  # pixels of a line at 256 pixels a side
_EDGE = 46  # difference of neighbouring colours that gets a line, 0 to 255
_TONES = ((0.30, 38), (0.52, 150), (0.72, 205), (2.0, 250))
_INK = 16


def ink_over(sprite: Sprite) -> Sprite:
    """The sprite as an ink drawing: black lines around it and inside it, its colours as four grays.

    It keeps the outline. A LoRA that learns it changes how things are drawn and not what is drawn; a set of
    other drawings, with shapes of their own, cost the names (35 of 100 were left).
    """
    canvas = _framed(sprite)
    alpha = canvas.getchannel("A").point(lambda a: 255 if a > 110 else 0)
    white = Image.new("RGB", canvas.size, "white")
    white.paste(canvas.convert("RGB"), mask=alpha)
    colours = white.filter(ImageFilter.MedianFilter(5))
    grown = np.asarray(alpha.filter(ImageFilter.MaxFilter(_LINE)))
    lines = np.asarray(alpha) != grown
    lines |= np.asarray(Image.fromarray(_edges(colours)).filter(ImageFilter.MaxFilter(5))) > 0
    gray = np.where(lines, _INK, _tones(colours)).astype(np.uint8)
    return Sprite(sprite.name, Image.fromarray(np.dstack([gray] * 3 + [grown]), "RGBA"), None)


def half_ink_over(sprite: Sprite) -> Sprite:
    """The middle between the sprite and its ink drawing: what the LoRA should draw at half its weight."""
    inked = ink_over(sprite)
    return Sprite(sprite.name, Image.blend(_framed(sprite), inked.picture, 0.5), None)


def _framed(sprite: Sprite) -> Image.Image:
    """The drawing with room for a line around it, RGBA of `_SIDE` pixels a side."""
    inner = _SIDE - 2 * _LINE
    canvas = Image.new("RGBA", (_SIDE, _SIDE), (0, 0, 0, 0))
    canvas.paste(sprite.picture.resize((inner, inner), Image.Resampling.LANCZOS), (_LINE, _LINE))
    return canvas


def _edges(picture: Image.Image) -> NDArray[np.uint8]:
    """255 where neighbouring colours differ much."""
    rgb = np.asarray(picture).astype(np.int16)
    across = np.abs(np.diff(rgb, axis=1, append=rgb[:, -1:])).max(-1)
    down = np.abs(np.diff(rgb, axis=0, append=rgb[-1:])).max(-1)
    return np.where(np.maximum(across, down) > _EDGE, 255, 0).astype(np.uint8)


def _tones(picture: Image.Image) -> NDArray[np.uint8]:
    """The brightness in a few flat grays."""
    light = np.asarray(picture.convert("L")).astype(np.float32) / 255
    tones = np.full(light.shape, 255, np.uint8)
    for limit, tone in reversed(_TONES):
        tones[light < limit] = tone
    return tones
