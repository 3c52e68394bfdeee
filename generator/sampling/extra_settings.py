"""What infotext's further pairs say about conditioning and sampling, and which of them are not followed. No torch."""

from __future__ import annotations

from collections.abc import Iterable

EMPHASES = ("Original", "No norm", "Ignore", "None")
"""The web UI's ways with emphasis: weigh and restore the mean; weigh alone; read the syntax and do not weigh; read
brackets and numbers as text."""
ORIGINAL, NO_NORM, IGNORE, NONE = EMPHASES

_IGNORED = (
    "Sigma churn",
    "Sigma tmin",
    "Sigma tmax",
    "Sigma noise",
    "Eta DDIM",
    "Schedule min sigma",
    "Schedule max sigma",
    "Schedule rho",
    "Beta schedule alpha",
    "Beta schedule beta",
    "Noise Schedule",
    "SGM noise multiplier",
    "Skip Early CFG",
    "NGMS",
    "Token merging ratio",
    "Token merging ratio hr",
    "Refiner",
    "Hypernet",
    "Old prompt editing timelines",
    "Hypertile U-Net",
)
"""Infotext keys that change the picture there and are not followed here."""


def emphasis_of(extra: Iterable[tuple[str, str]]) -> str:
    """The way with emphasis that a spell's extra pairs name; "Original" for none or an unknown one."""
    named = next((value.strip().casefold() for key, value in extra if key.strip().casefold() == "emphasis"), "")
    return next((way for way in EMPHASES if way.casefold() == named), ORIGINAL)


def ignored_notes(extra: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """A note for each pair that would change the picture in the web UI and is not followed here."""
    known = {key.casefold() for key in _IGNORED}
    return tuple(
        f"{key}: {value} is not followed here." for key, value in extra if key.strip().casefold() in known and value
    )
