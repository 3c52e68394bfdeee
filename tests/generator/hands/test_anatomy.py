import math

import pytest

from generator.hands.anatomy import anatomy_score

Point = tuple[float, float]


def open_hand() -> list[Point]:
    """An open hand: wrist below, five straight fingers fanned out above."""
    points: list[Point] = [(0.0, 0.0)]
    for place, angle in enumerate((-60, -20, -7, 7, 20)):
        direction = (math.sin(math.radians(angle)), math.cos(math.radians(angle)))
        start = 0.5 if place == 0 else 1.0
        points += [(direction[0] * (start + s), direction[1] * (start + s)) for s in (0.0, 0.35, 0.6, 0.8)]
    return points


def test_an_open_hand_is_perfect_at_any_size_place_and_turn() -> None:
    hand = open_hand()
    assert anatomy_score(hand) == 1.0
    assert anatomy_score([(-y * 300 + 7, x * 300 - 9) for x, y in hand]) == 1.0


def test_crossed_fingers_score_less() -> None:
    hand = open_hand()
    hand[8], hand[12] = hand[12], hand[8]  # tips of the first and the middle finger
    assert anatomy_score(hand) < 1.0


def test_a_finger_of_twice_the_length_scores_less() -> None:
    hand = open_hand()
    hand[9:13] = [(x * 1.0, y if i == 0 else y * 2.5) for i, (x, y) in enumerate(hand[9:13])]
    assert anatomy_score(hand) < 1.0


def test_knuckles_out_of_order_score_less() -> None:
    hand = open_hand()
    hand[5], hand[17] = hand[9], hand[13]
    hand[9], hand[13] = (0.34, 0.94), (-0.34, 0.94)
    assert anatomy_score(hand) < 1.0


@pytest.mark.parametrize("point", [(0.0, 0.0), (5.0, -3.0)])
def test_all_points_in_one_place_are_no_hand(point: Point) -> None:
    assert anatomy_score([point] * 21) == 0.0
