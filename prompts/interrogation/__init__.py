"""Photo to spell: what a picture shows, as terms with their evidence.

This package imports no torch. The parts that do (`towers`, `text_tower`, `label_table`, `caption`,
`clip_model_interrogator`) are imported by whoever picks concrete classes.
"""

from __future__ import annotations

from prompts.interrogation.description import Describer, Description
from prompts.interrogation.interrogator import MODES, Interrogator, Progress, mode_named
from prompts.interrogation.measured_interrogator import MeasuredInterrogator
from prompts.interrogation.result import Interrogation, Swatch, Term, WeightsKind
from prompts.interrogation.terms import TermFilter, check_lists
from prompts.interrogation.wishes import TARGETS, Wishes, target_named, wishes_from_json

__all__ = [
    "MODES",
    "TARGETS",
    "Describer",
    "Description",
    "Interrogation",
    "Interrogator",
    "MeasuredInterrogator",
    "Progress",
    "Swatch",
    "Term",
    "TermFilter",
    "WeightsKind",
    "Wishes",
    "check_lists",
    "mode_named",
    "target_named",
    "wishes_from_json",
]
