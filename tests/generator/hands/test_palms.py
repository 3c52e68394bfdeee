import numpy as np
import pytest

from generator.hands.palms import INPUT_SIDE, anchor_centres, palms_of


def test_there_is_an_anchor_for_each_of_the_networks_answers() -> None:
    centres = anchor_centres()
    assert centres.shape == (2016, 2)
    assert centres.min() > 0
    assert centres.max() < 1
    assert tuple(centres[0]) == tuple(centres[1]) == pytest.approx((4 / 192, 4 / 192))
    assert tuple(centres[1152]) == tuple(centres[1157]) == pytest.approx((8 / 192, 8 / 192))


def _answers(*boxes: tuple[int, float]) -> tuple[np.ndarray, np.ndarray]:
    """Regressors and logits with a 40-pixel box at some anchors, all else far below the threshold."""
    regressors, logits = np.zeros((2016, 18), np.float32), np.full(2016, -50.0, np.float32)
    for anchor, logit in boxes:
        regressors[anchor, 2:4] = 40
        logits[anchor] = logit
    return regressors, logits


def test_nothing_above_the_threshold_is_no_palm() -> None:
    assert palms_of(*_answers(), threshold=0.5) == ()


def test_boxes_over_each_other_are_one_palm_at_their_weighted_mean() -> None:
    regressors, logits = _answers((0, 2.0), (2, 2.0))
    (palm,) = palms_of(regressors, logits, threshold=0.5)
    assert palm.centre == pytest.approx((8 / INPUT_SIDE, 4 / INPUT_SIDE))
    assert palm.size == pytest.approx((40 / INPUT_SIDE, 40 / INPUT_SIDE))
    assert palm.score == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-6)


def test_boxes_apart_are_palms_apart_best_first() -> None:
    palms = palms_of(*_answers((0, 1.0), (1100, 3.0)), threshold=0.5)
    assert len(palms) == 2
    assert palms[0].score > palms[1].score


def test_keypoints_are_offsets_from_the_anchor() -> None:
    regressors, logits = _answers((0, 2.0))
    regressors[0, 4:6] = (19.2, -38.4)
    (palm,) = palms_of(regressors, logits, threshold=0.5)
    assert palm.keypoints[0] == pytest.approx((4 / 192 + 0.1, 4 / 192 - 0.2))
    assert len(palm.keypoints) == 7
