"""Rows of the tables as domain records, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import Any, TypeVar

from sqlalchemy import RowMapping

from prompts.hands.repair import HandRepair
from prompts.img2img import Img2Img, Inpaint
from prompts.spell import Spell
from prompts.upscale import Upscale
from service.errors import DatabaseDamaged, RequestInvalid
from service.ids import utc_from_text, utc_text
from service.jobs import EventKind, ImageRecord, Job, JobEvent, JobKind, JobStatus, Problem, Upload
from service.search import searched_text
from service.spell_json import spell_from_json, spell_to_json
from service.spells import Author, ChatTurn, SpellSummary, SpellVersion

Made = TypeVar("Made")


def _of_a_sound_row(make: Callable[[RowMapping], Made]) -> Callable[[RowMapping], Made]:
    """`make`, where a value that this program never writes is told as damage."""

    @wraps(make)
    def made(row: RowMapping) -> Made:
        try:
            return make(row)
        except (ValueError, TypeError, KeyError, AttributeError) as odd:
            raise DatabaseDamaged from odd

    return made


def job_row(job: Job) -> dict[str, Any]:
    """The `jobs` row of a new job (nobody owns it yet)."""
    return {
        "id": job.id,
        "tenant": job.tenant,
        "kind": str(job.kind),
        "status": str(job.status),
        "count": job.count,
        "spell": None if job.spell is None else spell_to_json(job.spell),
        "img2img": None if job.img2img is None else asdict(job.img2img),
        "hand_repair": None if job.hand_repair is None else asdict(job.hand_repair),
        "upscale": None if job.upscale is None else asdict(job.upscale),
        "spell_id": job.spell_id,
        "spell_version": job.spell_version,
        "upload_id": job.upload_id,
        "mode": job.mode,
        "policy_stamp": job.policy_stamp,
        "attempt": job.attempt,
        "crashes": job.crashes,
        "last_event": job.last_event,
        "result": job.result,
        "problem": None if job.problem is None else problem_row(job.problem),
        "origin": job.origin,
        "owner": None,
        "lease_until": None,
        "created_at": utc_text(job.created_at),
        "updated_at": utc_text(job.updated_at or job.created_at),
    }


def problem_row(problem: Problem) -> dict[str, Any]:
    """A problem as JSON."""
    return {"code": problem.code, "detail": problem.detail, "facts": problem.facts}


@_of_a_sound_row
def job_of(row: RowMapping) -> Job:
    """The job of a `jobs` row."""
    problem = row["problem"]
    return Job(
        id=row["id"],
        tenant=row["tenant"],
        kind=JobKind(row["kind"]),
        created_at=utc_from_text(row["created_at"]),
        status=JobStatus(row["status"]),
        count=row["count"],
        spell=_readable_spell(row["spell"]),
        img2img=_img2img_of(row["img2img"]),
        hand_repair=None if row["hand_repair"] is None else HandRepair(**row["hand_repair"]),
        upscale=_upscale_of(row["upscale"]),
        spell_id=row["spell_id"],
        spell_version=row["spell_version"],
        upload_id=row["upload_id"],
        mode=row["mode"],
        policy_stamp=row["policy_stamp"],
        attempt=row["attempt"],
        crashes=row["crashes"],
        last_event=row["last_event"],
        result=row["result"],
        problem=None if problem is None else Problem(problem["code"], problem["detail"], problem["facts"]),
        origin=row["origin"],
        updated_at=utc_from_text(row["updated_at"]),
    )


def _readable_spell(data: object) -> Spell | None:
    """A job's spell; `None` for a damaged one, so that one bad row stops neither the list nor the queue."""
    if data is None:
        return None
    try:
        return spell_from_json(data)
    except RequestInvalid:
        return None


def source_blobs(job: Job) -> set[str]:
    """The blob keys of what a job draws over or enlarges; empty for txt2img."""
    keys = set() if job.upscale is None else {job.upscale.source}
    if job.img2img is not None:
        keys.add(job.img2img.source)
        if job.img2img.inpaint is not None:
            keys.add(job.img2img.inpaint.mask)
    return keys


def _upscale_of(data: dict[str, Any] | None) -> Upscale | None:
    if data is None:
        return None
    return Upscale(**{**data, "to": None if data["to"] is None else tuple(data["to"])})


def _img2img_of(data: dict[str, Any] | None) -> Img2Img | None:
    if data is None:
        return None
    inpaint = data["inpaint"]
    return Img2Img(**{**data, "inpaint": None if inpaint is None else Inpaint(**inpaint)})


@_of_a_sound_row
def event_of(row: RowMapping) -> JobEvent:
    """The event of a `job_events` row."""
    return JobEvent(row["job_id"], row["number"], EventKind(row["kind"]), row["data"], utc_from_text(row["at"]))


def version_row(version: SpellVersion) -> dict[str, Any]:
    """The `spell_versions` row."""
    return {
        "spell_id": version.spell_id,
        "number": version.number,
        "parent": version.parent,
        "author": str(version.author),
        "spell": spell_to_json(version.spell),
        "note": version.note,
        "idea": version.idea,
        "details": version.details,
        "created_at": utc_text(version.created_at),
        "person": version.person,
    }


@_of_a_sound_row
def version_of(row: RowMapping) -> SpellVersion:
    """The version of a `spell_versions` row."""
    return SpellVersion(
        spell_id=row["spell_id"],
        number=row["number"],
        parent=row["parent"],
        author=Author(row["author"]),
        spell=spell_from_json(row["spell"]),
        created_at=utc_from_text(row["created_at"]),
        note=row["note"],
        idea=row["idea"],
        details=row["details"],
        person=row["person"],
    )


def turn_row(turn: ChatTurn) -> dict[str, Any]:
    """The `chat_turns` row."""
    return {
        "spell_id": turn.spell_id,
        "number": turn.number,
        "message": turn.message,
        "reply": turn.reply,
        "by": turn.by,
        "version": turn.version,
        "created_at": utc_text(turn.created_at),
        "person": turn.person,
    }


@_of_a_sound_row
def turn_of(row: RowMapping) -> ChatTurn:
    """The turn of a `chat_turns` row."""
    return ChatTurn(
        row["spell_id"],
        row["number"],
        row["message"],
        row["reply"],
        row["by"],
        row["version"],
        utc_from_text(row["created_at"]),
        row["person"],
    )


@_of_a_sound_row
def summary_of(row: RowMapping) -> SpellSummary:
    """The list line of a `spells` row."""
    return SpellSummary(
        row["id"], row["head"], row["title"], utc_from_text(row["created_at"]), utc_from_text(row["updated_at"])
    )


def image_row(image: ImageRecord) -> dict[str, Any]:
    """The `images` row."""
    return {
        "id": image.id,
        "job_id": image.job_id,
        "slot": image.slot,
        "blob": image.blob,
        "sha256": image.sha256,
        "bytes": image.bytes,
        "width": image.width,
        "height": image.height,
        "spell": spell_to_json(image.spell),
        "search": searched_text(image.spell),
        "notes": list(image.notes),
        "created_at": utc_text(image.created_at),
    }


@_of_a_sound_row
def image_of(row: RowMapping) -> ImageRecord:
    """The record of an `images` row."""
    return ImageRecord(
        id=row["id"],
        job_id=row["job_id"],
        slot=row["slot"],
        blob=row["blob"],
        sha256=row["sha256"],
        bytes=row["bytes"],
        width=row["width"],
        height=row["height"],
        spell=spell_from_json(row["spell"]),
        created_at=utc_from_text(row["created_at"]),
        notes=tuple(row["notes"]),
    )


def upload_row(upload: Upload) -> dict[str, Any]:
    """The `uploads` row."""
    return {
        "id": upload.id,
        "blob": upload.blob,
        "sha256": upload.sha256,
        "bytes": upload.bytes,
        "created_at": utc_text(upload.created_at),
    }


@_of_a_sound_row
def upload_of(row: RowMapping) -> Upload:
    """The record of an `uploads` row."""
    return Upload(row["id"], row["blob"], row["sha256"], row["bytes"], utc_from_text(row["created_at"]))
