"""A hand that was found in a picture. No third-party imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from generator.events import Picture

LANDMARKS = 21
"""The wrist, then four points a finger from the thumb to the little one, each from the palm outwards."""


@dataclass(frozen=True, slots=True)
class Box:
    """An upright box in pixels of the picture; may reach over its edge."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels."""
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class Hand:
    """One hand, found and measured."""

    box: Box
    """Around the landmarks."""
    landmarks: tuple[tuple[float, float], ...]
    """`LANDMARKS` points (x, y) in pixels of the picture."""
    presence: float
    """How sure the detector is that these landmarks are a hand's; 0..1."""
    anatomy: float
    """How well the landmarks fit a hand's proportions; 0..1, see `generator.hands.anatomy`."""
    is_right: bool

    @property
    def score(self) -> float:
        """How likely this is a well-drawn hand; 0..1. A ranking aid, not a count of fingers."""
        return self.presence * self.anatomy


class HandDetector(Protocol):
    """Finds hands."""

    def find(self, picture: Picture) -> tuple[Hand, ...]:
        """The hands of a picture, the largest first; empty when there is none."""
        ...


def hands_score(hands: tuple[Hand, ...]) -> float:
    """One number for choosing among seeds: the mean of the hands' scores; 0 without a hand."""
    return sum(hand.score for hand in hands) / len(hands) if hands else 0.0
