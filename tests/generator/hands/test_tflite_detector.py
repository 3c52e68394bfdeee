from collections.abc import Callable
from pathlib import Path

import pytest

from generator.errors import ModelMissing
from generator.events import Picture
from generator.hands.hand import hands_score
from generator.hands.tflite_detector import TfliteHandDetector

Draw = Callable[..., Picture]


def test_an_open_hand_is_found_where_it_is(detector: TfliteHandDetector, drawn_hand: Draw) -> None:
    (hand,) = detector.find(drawn_hand())
    assert hand.presence > 0.9
    assert hand.anatomy == 1.0
    assert hand.is_right
    # The middle finger is drawn up to (0.43, 0.12) of 384 pixels, the thumb to the right.
    assert hand.box.top == pytest.approx(50, abs=25)
    assert hand.box.left == pytest.approx(100, abs=30)
    assert hand.box.right == pytest.approx(315, abs=30)


@pytest.mark.parametrize("turned", [-60.0, -30.0, 30.0, 60.0, 150.0])
def test_a_turned_hand_is_found_too(detector: TfliteHandDetector, drawn_hand: Draw, turned: float) -> None:
    (hand,) = detector.find(drawn_hand(turned=turned))
    assert hand.presence > 0.7


def test_a_hand_in_a_wide_picture_is_found_in_the_pictures_own_pixels(
    detector: TfliteHandDetector, drawn_hand: Draw
) -> None:
    (hand,) = detector.find(drawn_hand(width=768, left=384))
    (alone,) = detector.find(drawn_hand())
    assert hand.box.left - 384 == pytest.approx(alone.box.left, abs=20)


def test_the_fingertips_point_where_the_fingers_do(detector: TfliteHandDetector, drawn_hand: Draw) -> None:
    (hand,) = detector.find(drawn_hand())
    wrist, middle_tip = hand.landmarks[0], hand.landmarks[12]
    assert middle_tip[1] < wrist[1] - 150


def test_a_hand_without_two_of_its_fingers_scores_less(detector: TfliteHandDetector, drawn_hand: Draw) -> None:
    whole, broken = (hands_score(detector.find(drawn_hand(fingers))) for fingers in (5, 3))
    assert broken < whole


def test_a_plain_picture_has_no_hands(detector: TfliteHandDetector) -> None:
    assert detector.find(Picture(64, 48, bytes([200]) * 64 * 48 * 3)) == ()
    assert hands_score(()) == 0.0


def test_missing_networks_are_told_with_the_way_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="spellwright models add hands") as told:
        TfliteHandDetector(tmp_path)
    assert told.value.stable_code == "hand_detector_missing"


def test_a_damaged_network_file_is_told_and_not_run(hand_networks: Path, tmp_path: Path) -> None:
    for file in hand_networks.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ModelMissing, match="cannot be read"):
        TfliteHandDetector(tmp_path)
