"""What the UNet is shown, and how often."""

import numpy as np
import pytest

from generator.demo.train.unet import row_shares, share_of_sizes


@pytest.mark.parametrize("is_warm", [False, True])
@pytest.mark.parametrize("progress", [0.0, 0.3, 0.39, 0.41, 0.7, 0.76, 1.0])
def test_the_sizes_share_every_moment(progress: float, is_warm: bool) -> None:
    shares = share_of_sizes(progress, is_warm=is_warm)
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) >= 0


def test_small_pictures_come_first_and_large_ones_last() -> None:
    first, last = share_of_sizes(0.0), share_of_sizes(1.0)
    assert first["small"] > 0.4 > first["hires"] == 0
    assert last["hires"] > 0.2 > last["small"] == 0


def test_a_warm_start_has_the_small_pictures_nearly_behind_it() -> None:
    assert share_of_sizes(0.0, is_warm=True) == share_of_sizes(0.4)
    assert share_of_sizes(1.0, is_warm=True) == share_of_sizes(1.0)


def test_what_is_drawn_badly_comes_more_often() -> None:
    shares = row_shares(["owl", "car", "owl"], {"owl": 1.0, "car": 0.0})
    assert shares.sum() == pytest.approx(1)
    assert shares[1] == pytest.approx(2.5 * shares[0])
    assert np.allclose(row_shares(["owl", "car"], {}), 0.5)
