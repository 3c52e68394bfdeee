"""How close a drawn picture came to its reference, and what to say differently next time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prompts.interrogation.result import Interrogation, Swatch, Term


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two interrogations side by side."""

    palette_overlap: float
    """Shared part of the named colours, 0..1; 1 for the same shares of the same names."""
    missing: tuple[Term, ...]
    """Trusted terms of the reference that the picture lacks, strongest first: say these."""
    surplus: tuple[Term, ...]
    """Trusted terms of the picture that the reference lacks, strongest first: say the opposite, or these in
    the negative prompt."""
    similarity: float | None = None
    """Cosine of the two pictures where a CLIP compared them."""

    @property
    def palette_distance(self) -> float:
        """0 for the same shares of the same colours, 1 for no colour in common."""
        return 1.0 - self.palette_overlap

    def to_json(self) -> dict[str, Any]:
        """Plain values, numbers rounded to six digits."""
        return {
            "similarity": None if self.similarity is None else round(self.similarity, 6),
            "palette_overlap": round(self.palette_overlap, 6),
            "palette_distance": round(self.palette_distance, 6),
            "missing": [term.text for term in self.missing],
            "surplus": [term.text for term in self.surplus],
        }


def compare(reference: Interrogation, drawn: Interrogation, similarity: float | None = None) -> Comparison:
    """What two interrogations of the same mode and model differ in.

    Words of random weights are not compared: they would differ by chance.

    Args:
        reference: Of the picture that was wanted.
        drawn: Of the picture that was made.
        similarity: Cosine of their picture features, e.g. `ClipInterrogator.similarity`.
    """
    return Comparison(
        palette_overlap=palette_overlap(reference.palette, drawn.palette),
        missing=_only_in(reference, drawn),
        surplus=_only_in(drawn, reference),
        similarity=similarity,
    )


def palette_overlap(first: tuple[Swatch, ...], second: tuple[Swatch, ...]) -> float:
    """Sum of the smaller shares of each colour name, over the smaller sum of shares; 0 for no colours."""
    shares = {swatch.name: swatch.share for swatch in second}
    common = sum(min(swatch.share, shares.get(swatch.name, 0.0)) for swatch in first)
    whole = min(sum(s.share for s in first), sum(s.share for s in second))
    return min(1.0, common / whole) if whole else 0.0


def _only_in(here: Interrogation, there: Interrogation) -> tuple[Term, ...]:
    known = {term.text for term in there.terms}
    usable = (t for t in here.terms if t.source == "measured" or (here.is_trusted and there.is_trusted))
    lacking = [t for t in usable if t.text not in known and t.category != "format"]
    return tuple(sorted(lacking, key=lambda t: -(t.similarity or 0.0)))
