"""How well 21 landmarks fit a hand: proportions that hold for every pose, as far as a flat picture tells.

The bands are wide on purpose. A detector's landmarks are pulled towards a hand's shape even where the
drawing has none, so this tells gross errors (a finger of half a length, joints that fold over each
other) and ranks seeds; it does not count fingers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

Point = tuple[float, float]

_WRIST = 0
_FINGERS = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
_MOST_BONE_RATIO = 4.0  # longest to shortest bone of one finger
_KNUCKLES = (5, 9, 13, 17)


def anatomy_score(landmarks: Sequence[Point]) -> float:
    """How hand-like the proportions are; 0..1, 1 when every rule holds.

    Four rules, each the share of its places that hold: no bone of a finger is four times another of
    that finger; no finger is longer than 1.6 palms; the knuckles follow each other in one direction
    across the palm; the fingers do not cross. All points in one place give 0.
    """
    palm = math.dist(landmarks[_WRIST], landmarks[_KNUCKLES[1]])
    if palm < 1e-6:
        return 0.0
    bones = [_bone_ratio([landmarks[i] for i in finger]) <= _MOST_BONE_RATIO for finger in _FINGERS]
    lengths = [_length([landmarks[i] for i in finger]) <= 1.6 * palm for finger in _FINGERS]
    return sum(_share(rule) for rule in (bones, lengths, _ordered(landmarks), _uncrossed(landmarks))) / 4


def _share(held: Sequence[bool]) -> float:
    return sum(held) / len(held)


def _bone_ratio(finger: Sequence[Point]) -> float:
    bones = [math.dist(a, b) for a, b in pairwise(finger)]
    return max(bones) / max(min(bones), 1e-6)


def _length(finger: Sequence[Point]) -> float:
    return sum(math.dist(a, b) for a, b in pairwise(finger))


def _ordered(landmarks: Sequence[Point]) -> list[bool]:
    """Whether each step between knuckles goes the way of the whole row."""
    row = [landmarks[i] for i in _KNUCKLES]
    across = (row[-1][0] - row[0][0], row[-1][1] - row[0][1])
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(row)]
    return [step[0] * across[0] + step[1] * across[1] >= 0 for step in steps]


def _uncrossed(landmarks: Sequence[Point]) -> list[bool]:
    """For each pair of neighbouring fingers, whether the lines from knuckle to tip stay apart."""
    lines = [(landmarks[finger[0]], landmarks[finger[3]]) for finger in _FINGERS[1:]]
    return [not _cross(*a, *b) for a, b in pairwise(lines)]


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: Point, b: Point, p: Point) -> float:
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
