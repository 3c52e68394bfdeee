"""What the command line says about hands."""

from __future__ import annotations

from service.hand_choice import DETAIL
from service.spells import SpellVersion

HANDS_HELP = "About hands: auto, off, or of hide,pose,negatives,seeds,repair. Left out: the setting hand_plan."


def hand_notes(version: SpellVersion) -> list[str]:
    """What the hand plan changed to make `version`, in English; empty when nothing."""
    return [str(note["en"]) for note in version.details.get(DETAIL, {}).get("notes", ())]
