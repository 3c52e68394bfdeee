"""Comparing what was wanted with what was drawn."""

from __future__ import annotations

import pytest

from prompts.interrogation.compare import compare, palette_overlap
from prompts.interrogation.result import Interrogation, Swatch, Term, WeightsKind


def swatches(**shares: float) -> tuple[Swatch, ...]:
    return tuple(Swatch(name, "#000000", share) for name, share in shares.items())


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (swatches(red=0.6, blue=0.4), swatches(red=0.6, blue=0.4), 1.0),
        (swatches(red=0.6, blue=0.4), swatches(blue=0.6, red=0.4), 0.8),
        (swatches(red=1.0), swatches(blue=1.0), 0.0),
        (swatches(red=0.5), swatches(red=0.9), 1.0),
        ((), swatches(red=1.0), 0.0),
        ((), (), 0.0),
    ],
)
def test_palettes_overlap_by_their_common_shares(
    first: tuple[Swatch, ...], second: tuple[Swatch, ...], expected: float
) -> None:
    assert palette_overlap(first, second) == pytest.approx(expected)
    assert palette_overlap(second, first) == pytest.approx(expected)


def found(weights: WeightsKind, *terms: Term) -> Interrogation:
    return Interrogation(None, terms, weights=weights)


WARM = Term("warm colors", "temperature", 0.8, source="measured")
DARK = Term("low-key lighting", "light", 0.9, source="measured")
WIDE = Term("wide format", "format", 1.0, source="measured")
CAT, DOG, SEA = Term("cat", "things", 0.3), Term("dog", "things", 0.2), Term("sea", "things", 0.25)


def test_what_is_missing_and_what_is_too_much_is_listed_strongest_first() -> None:
    result = compare(found("real", CAT, SEA, DARK, WIDE), found("real", SEA, DOG, WARM), 0.9)
    assert result.missing == (DARK, CAT)
    assert result.surplus == (WARM, DOG)
    assert result.similarity == 0.9


@pytest.mark.parametrize("weights", ["random", "none"])
def test_chance_words_are_not_compared(weights: WeightsKind) -> None:
    result = compare(found(weights, CAT, DARK), found(weights, DOG))
    assert (result.missing, result.surplus) == ((DARK,), ())
