"""What comes out: the answers of the native API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from prompts.img2img import Img2Img
from prompts.metadata import Verdict, format_infotext
from service.bus.base import Progress
from service.catalogue import CheckpointInfo, LoraInfo, PartInfo
from service.chat import TurnResult
from service.jobs import ImageRecord, Job
from service.spell_json import SpellModel, spell_to_json
from service.spells import ChatTurn, SpellSummary, SpellVersion


class SpellVersionView(BaseModel):
    """One version of a spell."""

    spell_id: str
    number: int
    parent: int | None
    author: str
    note: str
    idea: str | None
    spell: SpellModel
    infotext: str
    details: dict[str, Any]
    created_at: datetime

    @classmethod
    def of(cls, version: SpellVersion) -> SpellVersionView:
        """The view of a version."""
        return cls(
            spell_id=version.spell_id,
            number=version.number,
            parent=version.parent,
            author=str(version.author),
            note=version.note,
            idea=version.idea,
            spell=SpellModel.from_domain(version.spell),
            infotext=format_infotext(version.spell),
            details=version.details,
            created_at=version.created_at,
        )


class TurnView(BaseModel):
    """One chat message and its answer."""

    number: int
    message: str
    reply: str
    by: str
    version: int
    created_at: datetime

    @classmethod
    def of(cls, turn: ChatTurn) -> TurnView:
        """The view of a turn."""
        return cls(
            number=turn.number,
            message=turn.message,
            reply=turn.reply,
            by=turn.by,
            version=turn.version,
            created_at=turn.created_at,
        )


class SpellView(BaseModel):
    """A spell: its newest version, all versions and the chat."""

    id: str
    head: SpellVersionView
    versions: list[SpellVersionView]
    turns: list[TurnView]


class SpellSummaryView(BaseModel):
    """One line of the spell list."""

    id: str
    head: int
    title: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, summary: SpellSummary) -> SpellSummaryView:
        """The view of a summary."""
        return cls(
            id=summary.spell_id,
            head=summary.head,
            title=summary.title,
            created_at=summary.created_at,
            updated_at=summary.updated_at,
        )


class SpellPage(BaseModel):
    """A page of spells, newest first."""

    spells: list[SpellSummaryView]
    next_before: str | None


class ChatView(BaseModel):
    """What one message led to."""

    version: SpellVersionView
    turn: TurnView
    is_changed: bool
    understood: bool
    diff: dict[str, Any]
    edits: list[Any]
    is_proposal: bool
    """Nothing was stored: accept `edits` with `base` = the version's `parent`."""

    @classmethod
    def of(cls, result: TurnResult) -> ChatView:
        """The view of a turn's result."""
        return cls(
            version=SpellVersionView.of(result.version),
            turn=TurnView.of(result.turn),
            is_changed=result.is_changed,
            understood=result.understood,
            diff=result.diff.to_json(),
            edits=result.edits,
            is_proposal=result.is_proposal,
        )


class HandsView(BaseModel):
    """The hand plan, and the version it was made for or led to."""

    plan: dict[str, Any]
    version: SpellVersionView


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


HIRES_KEYS = ("upscale_by", "steps", "denoising_strength", "upscaler")


class CheckpointView(BaseModel):
    """One checkpoint."""

    name: str
    family: str
    is_demo: bool
    is_usable: bool
    is_default: bool
    notice: str
    defaults: dict[str, Any]
    """Its own where its author or example pictures say, its family's otherwise."""
    hires: dict[str, Any]
    """The second pass that suits it."""
    triggers: list[str]
    """Words its author wants in the prompt."""
    about: str

    @classmethod
    def of(cls, info: CheckpointInfo, *, is_default: bool) -> CheckpointView:
        """The view of a checkpoint with the values it draws well by."""
        defaults = info.profile.defaults
        names = ("steps", "sampler", "schedule_type", "cfg_scale", "width", "height", "clip_skip")
        return cls(
            name=info.name,
            family=info.family,
            is_demo=info.is_demo,
            is_usable=info.is_usable,
            is_default=is_default,
            notice=info.notice,
            defaults={name: getattr(defaults, name) for name in names},
            hires={name: getattr(info.profile.hires, name) for name in HIRES_KEYS},
            triggers=list(info.own.triggers),
            about=info.own.about,
        )


class LoraView(BaseModel):
    """One LoRA."""

    name: str
    family: str
    alias: str
    is_usable: bool
    notice: str
    triggers: list[str]
    """Words that the prompt needs."""
    weight: float | None
    """The strength its author suggests."""
    about: str

    @classmethod
    def of(cls, info: LoraInfo) -> LoraView:
        """The view of a LoRA."""
        return cls(
            name=info.name,
            family=info.family,
            alias=info.alias,
            is_usable=info.is_usable,
            notice=info.notice,
            triggers=list(info.triggers),
            weight=info.weight,
            about=info.about,
        )


class PartView(BaseModel):
    """A textual inversion or VAE."""

    name: str
    """What prompts (of an embedding) or `params.vae` say."""
    family: str
    is_usable: bool
    notice: str

    @classmethod
    def of(cls, info: PartInfo) -> PartView:
        """The view of a part."""
        return cls(name=info.name, family=info.family, is_usable=info.is_usable, notice=info.notice)


class CatalogueView(BaseModel):
    """Everything that can be asked for."""

    checkpoints: list[CheckpointView]
    loras: list[LoraView]
    embeddings: list[PartView]
    vaes: list[PartView]
    samplers: list[str]
    schedule_types: list[str]
    upscalers: list[str]
    interrogation_modes: list[str]
    limits: dict[str, Any]
    llm: str | None
    """The language model's name; `null`: the offline expander works."""


class HealthView(BaseModel):
    """Whether the server lives or is ready."""

    status: str
    version: str
    engine: str
    detail: str
