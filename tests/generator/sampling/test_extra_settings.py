from __future__ import annotations

import pytest

from generator.sampling.extra_settings import emphasis_of, ignored_notes


@pytest.mark.parametrize(
    ("written", "meant"),
    [("No norm", "No norm"), ("ignore", "Ignore"), ("None", "None"), ("Original", "Original"), ("odd", "Original")],
)
def test_the_way_with_emphasis_is_read_from_infotext(written: str, meant: str) -> None:
    assert emphasis_of((("RNG", "CPU"), ("Emphasis", written))) == meant
    assert emphasis_of(()) == "Original"


def test_what_is_not_followed_is_told_and_what_changes_nothing_is_not() -> None:
    extra = (("Sigma churn", "0.5"), ("Version", "v1.10.1"), ("NGMS", "2"), ("ENSD", "31337"))
    assert ignored_notes(extra) == ("Sigma churn: 0.5 is not followed here.", "NGMS: 2 is not followed here.")
