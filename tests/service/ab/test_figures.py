from __future__ import annotations

import pytest

from service.ab.figures import paired


def test_a_measure_that_rises_in_every_pair_is_clear() -> None:
    rising = paired("prompt", [0.1, 0.2, 0.3, 0.4], [0.3, 0.35, 0.5, 0.61])
    assert (rising.verdict, rising.better, rising.worse, rising.pairs) == ("rises", 4, 0, 4)
    assert rising.difference == pytest.approx(0.19) and 0 < rising.low <= rising.difference <= rising.high


def test_a_measure_that_goes_both_ways_is_no_clear_change() -> None:
    mixed = paired("prompt", [0.5] * 6, [0.6, 0.4, 0.55, 0.45, 0.52, 0.48])
    assert mixed.verdict == "no clear change" and mixed.low < 0 < mixed.high
    assert mixed == paired("prompt", [0.5] * 6, [0.6, 0.4, 0.55, 0.45, 0.52, 0.48])


def test_the_same_pictures_differ_by_exactly_nothing() -> None:
    same = paired("name", [1.0, 0.0], [1.0, 0.0])
    assert (same.low, same.high, same.difference, same.verdict) == (0.0, 0.0, 0.0, "no clear change")


@pytest.mark.parametrize(("before", "after"), [([], []), ([1.0], [1.0, 2.0])])
def test_sides_must_pair_up(before: list[float], after: list[float]) -> None:
    with pytest.raises(ValueError, match=r"pair|argument"):
        paired("x", before, after)
