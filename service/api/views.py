"""What comes out: the answers of the native API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from prompts.img2img import Img2Img
from prompts.metadata import Verdict
from service.api.spell_views import SpellVersionView
from service.bus.base import Progress
from service.jobs import ImageRecord, Job
from service.spell_json import SpellModel, spell_to_json


class ImageView(BaseModel):
    """One finished picture."""

    id: str
    job_id: str
    slot: int
    width: int
    height: int
    bytes: int
    sha256: str
    seed: int | None
    notes: list[str]
    url: str
    created_at: datetime

    @classmethod
    def of(cls, image: ImageRecord) -> ImageView:
        """The view of a picture."""
        return cls(
            id=image.id,
            job_id=image.job_id,
            slot=image.slot,
            width=image.width,
            height=image.height,
            bytes=image.bytes,
            sha256=image.sha256,
            seed=image.spell.params.seed,
            notes=list(image.notes),
            url=f"/api/images/{image.id}",
            created_at=image.created_at,
        )


class ImageSpellView(BaseModel):
    """The spell of a finished picture."""

    spell: SpellModel
    infotext: str
    notes: list[str]


class JobView(BaseModel):
    """A job as it is now."""

    id: str
    kind: str
    status: str
    count: int
    spell: SpellModel | None
    img2img: dict[str, Any] | None
    """How a source picture is drawn over; `null` for txt2img."""
    spell_id: str | None
    spell_version: int | None
    mode: str | None
    attempt: int
    queue_ahead: int
    last_event: int
    progress: dict[str, Any] | None
    images: list[ImageView]
    result: dict[str, Any] | None
    problem: dict[str, Any] | None
    events_url: str
    created_at: datetime
    updated_at: datetime | None

    @classmethod
    def of(
        cls, job: Job, images: Sequence[ImageRecord] = (), progress: Progress | None = None, ahead: int = 0
    ) -> JobView:
        """The view of a job with what belongs to it."""
        problem = job.problem
        return cls(
            id=job.id,
            kind=str(job.kind),
            status=str(job.status),
            count=job.count,
            spell=None if job.spell is None else SpellModel.model_validate(spell_to_json(job.spell)),
            img2img=None if job.img2img is None else _img2img(job.img2img),
            spell_id=job.spell_id,
            spell_version=job.spell_version,
            mode=job.mode,
            attempt=job.attempt,
            queue_ahead=ahead,
            last_event=job.last_event,
            progress=None if progress is None else progress.to_json(),
            images=[ImageView.of(image) for image in images],
            result=job.result,
            problem=None if problem is None else {"code": problem.code, "detail": problem.detail} | problem.facts,
            events_url=f"/api/jobs/{job.id}/events",
            created_at=job.created_at,
            updated_at=job.updated_at,
        )


def _img2img(settings: Img2Img) -> dict[str, Any]:
    """The settings without the keys of their files."""
    told = asdict(settings)
    del told["source"]
    if told["inpaint"] is not None:
        del told["inpaint"]["mask"]
    return told


class UploadView(BaseModel):
    """A picture that was sent to be drawn over."""

    id: str
    """For `img2img.source.upload_id`. Kept for an hour, and as long as a job needs it."""
    width: int
    height: int
    bytes: int


class JobPage(BaseModel):
    """A page of jobs, newest first."""

    jobs: list[JobView]
    next_before: str | None


class InterrogationView(BaseModel):
    """A photo's way to a spell."""

    id: str
    status: str
    source: str | None
    """`metadata`: exact, the picture carried it; else the model that measured it."""
    spell_id: str | None
    version: SpellVersionView | None
    interrogation: dict[str, Any] | None
    """Caption, terms with category, similarity and gain, palette, model, seconds."""
    asked: dict[str, Any] | None
    """Target, filters and length, as they were sent; null when the picture carried its spell."""
    problem: dict[str, Any] | None
    progress: dict[str, Any] | None
    events_url: str


class GenerateView(BaseModel):
    """The spell and the picture job that came of one call."""

    spell: SpellVersionView | None
    job: JobView | None
    interrogation: InterrogationView | None


class VerdictView(BaseModel):
    """One field of a picture's recipe, and whether it can be repeated here."""

    field: str
    state: str
    """`exact`, `approximated` or `missing`."""
    asked: str
    """What the picture was made with; empty when it does not say."""
    message: str
    remedy: str
    """What to do; empty when there is nothing to do."""

    @classmethod
    def of(cls, verdict: Verdict) -> VerdictView:
        """The view of a verdict."""
        return cls(
            field=verdict.field,
            state=verdict.status,
            asked=verdict.asked,
            message=verdict.message,
            remedy=verdict.remedy,
        )


class InspectView(BaseModel):
    """What a picture says about itself."""

    found: bool
    tool: str | None
    """The program that wrote it."""
    spell: SpellModel | None
    infotext: str | None
    verdicts: list[VerdictView]
    """Field by field whether it can be drawn again here; empty without a spell."""
    format: str
    width: int
    height: int


class HealthView(BaseModel):
    """Whether the server lives or is ready."""

    status: str
    version: str
    engine: str
    detail: str
