"""Photo to spell: what a picture shows, as terms with their evidence.

This package imports no torch. The parts that do (`towers`, `text_tower`, `label_table`, `caption`,
`clip_model_interrogator`) are imported by whoever picks concrete classes.
"""

from __future__ import annotations

from prompts.interrogation.interrogator import MODES, Interrogator, Progress, mode_named
from prompts.interrogation.measured_interrogator import MeasuredInterrogator
from prompts.interrogation.result import Interrogation, Swatch, Term, WeightsKind

__all__ = [
    "MODES",
    "Interrogation",
    "Interrogator",
    "MeasuredInterrogator",
    "Progress",
    "Swatch",
    "Term",
    "WeightsKind",
    "mode_named",
]
