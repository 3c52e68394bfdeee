"""What comes out of a round trip."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from service.api.spell_views import SpellVersionView
from service.api.views import InterrogationView, JobView
from service.round_trip import RoundTripState
from service.spell_json import SpellModel


class ComparisonView(BaseModel):
    """How close the drawn picture came to the photo."""

    similarity: float | None
    """Cosine of the two pictures in CLIP's eyes, -1..1; null without a CLIP model."""
    palette_overlap: float
    """Shared part of the named colours, 0..1."""
    palette_distance: float
    """1 minus that."""
    missing: list[str]
    """Terms of the photo that the picture lacks, strongest first."""
    surplus: list[str]
    """Terms of the picture that the photo lacks, strongest first."""


class RoundTripView(BaseModel):
    """A round trip as far as it came; what comes later is null."""

    stage: str
    """`reading`, `drawing` or `done`."""
    interrogation: InterrogationView
    spell: SpellVersionView | None
    """What the photo was read as."""
    job: JobView | None
    """The job that draws it."""
    comparison: ComparisonView | None
    proposals: list[dict[str, Any]]
    """Typed edits, each `{edit, because}`; `because` names the term, its evidence and which picture shows it."""
    proposed: SpellModel | None
    """The spell with the proposals in it."""
    diff: dict[str, Any] | None
    """What the proposals change."""
    drawn: dict[str, Any] | None
    """The evidence for the drawn picture; that for the photo lies in `reference`."""
    reference: dict[str, Any] | None
    applied: SpellVersionView | None
    """The stored next version, where `apply` was sent and something was proposed."""

    @classmethod
    def of(cls, state: RoundTripState, interrogation: InterrogationView, job: JobView | None) -> RoundTripView:
        """The state of a round trip with its two jobs as views."""
        found, difference = state.found, state.difference
        return cls(
            stage=str(state.stage),
            interrogation=interrogation,
            spell=None if state.version is None else SpellVersionView.of(state.version),
            job=job,
            comparison=None if found is None else ComparisonView(**found.comparison.to_json()),
            proposals=[] if found is None else [proposal.to_json() for proposal in found.proposals],
            proposed=None if found is None else SpellModel.from_domain(found.proposed),
            diff=None if difference is None else difference.to_json(),
            drawn=None if found is None else found.drawn.to_json(),
            reference=None if found is None else found.reference.to_json(),
            applied=None if state.applied is None else SpellVersionView.of(state.applied),
        )
