"""The turned square around a hand: from a palm, or from landmarks that were found before."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image

from generator.hands.palms import MIDDLE_KNUCKLE, WRIST, Palm

_SCALE = 2.6  # side of the hand's square in palm sides
_SHIFT = -0.5  # of the palm's side, towards the fingers: the palm's box ends at the knuckles


@dataclass(frozen=True, slots=True)
class Region:
    """A square in pixels of the picture, turned so that the fingers point up in it."""

    x: float
    """Centre."""
    y: float
    """Centre."""
    side: float
    turn: float
    """Radians, clockwise on the screen; 0 when the fingers point up."""

    def crop(self, picture: Image.Image, side: int) -> Image.Image:
        """What lies in the square as `side` x `side` pixels; black outside the picture."""
        a, b, c, d, e, f = self._matrix(side)
        return picture.transform(
            (side, side), Image.Transform.AFFINE, (a, b, c, d, e, f), resample=Image.Resampling.BILINEAR
        )

    def to_picture(self, x: float, y: float, side: int) -> tuple[float, float]:
        """A point of the crop of `side` pixels as a point of the picture."""
        a, b, c, d, e, f = self._matrix(side)
        return a * x + b * y + c, d * x + e * y + f

    def _matrix(self, side: int) -> tuple[float, float, float, float, float, float]:
        scale = self.side / side
        cos, sin = math.cos(self.turn) * scale, math.sin(self.turn) * scale
        half = side / 2
        return cos, -sin, self.x - cos * half + sin * half, sin, cos, self.y - sin * half - cos * half


def region_of(palm: Palm, square: float, left: float, top: float) -> Region:
    """The hand's region of a palm.

    Args:
        palm: In fractions of a square.
        square: That square's side in pixels of the picture.
        left: The square's left edge in the picture; negative when the picture is narrower.
        top: The square's upper edge.
    """
    wrist, knuckle = palm.keypoints[WRIST], palm.keypoints[MIDDLE_KNUCKLE]
    turn = _wrapped(math.pi / 2 - math.atan2(wrist[1] - knuckle[1], knuckle[0] - wrist[0]))
    width, height = palm.size[0] * square, palm.size[1] * square
    x, y = palm.centre[0] * square + left, palm.centre[1] * square + top
    return Region(
        x - height * _SHIFT * math.sin(turn), y + height * _SHIFT * math.cos(turn), max(width, height) * _SCALE, turn
    )


def _wrapped(angle: float) -> float:
    return angle - 2 * math.pi * math.floor((angle + math.pi) / (2 * math.pi))
