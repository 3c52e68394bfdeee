from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ids import IdFactory, is_id, utc_from_text, utc_text


def test_later_ids_sort_after_earlier_ones_also_when_the_clock_steps_back() -> None:
    times = iter([1_000_000.0, 1_000_000.0, 999_000.0, 999_000.0, 2_000_000.0])
    new_id = IdFactory(lambda: datetime.fromtimestamp(next(times), UTC))
    made = [new_id() for _ in range(5)]
    assert made == sorted(made) and len(set(made)) == 5
    assert all(is_id(one) for one in made)


@pytest.mark.parametrize(
    "text", ["", "x" * 26, "0" * 25, "0" * 27, "../../../etc/passwd000000", "01ARZ3NDEKTSV4RRFFQ69G5FAI"]
)
def test_another_shape_is_no_id(text: str) -> None:
    assert not is_id(text)


@given(st.integers(0, 4 * 10**15).map(lambda moment: datetime.fromtimestamp(0, UTC) + timedelta(microseconds=moment)))
def test_a_moment_survives_its_text(moment: datetime) -> None:
    assert utc_from_text(utc_text(moment)) == moment


def test_text_of_another_zone_is_utc_and_a_naive_time_is_refused() -> None:
    there = datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    assert utc_text(there) == "2026-01-01T00:00:00.000000Z"
    with pytest.raises(ValueError, match="naive"):
        utc_text(datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None))
