"""How far the caller's own calls are, and how to stop them; nobody sees or stops a stranger's."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from service.api.deps import ServicesDep
from service.bus.base import Progress
from service.compat.a1111.deps import DeskDep
from service.compat.a1111.desk import Desk, OpenCall
from service.compat.a1111.errors import A1111Route
from service.compat.a1111.schemas import ProgressIn
from service.jobs import Job, JobKind, JobStatus
from service.services import Services

router = APIRouter(tags=["A1111: progress"], route_class=A1111Route)
BEGUN = 0.01  # A1111's share of a job that has just begun


@router.get("/sdapi/v1/progress")
async def read_progress(services: ServicesDep, desk: DeskDep, *, skip_current_image: bool = False) -> dict[str, Any]:
    """How far the caller's oldest open call is: share, seconds left, step, and a small picture of what is there."""
    call = await _current(services, desk)
    if call is None:
        return _idle()
    progress = services.generation.progress(call.job_id)
    share = _share(progress)
    return {
        "progress": share,
        "eta_relative": (progress.eta_seconds or 0.0) if progress else 0.0,
        "state": _state(call, progress),
        "current_image": None if skip_current_image else _bare(progress),
        "textinfo": None if progress else await _queue_text(services, call.job_id),
    }


@router.post("/sdapi/v1/interrupt")
async def interrupt(services: ServicesDep, desk: DeskDep, id_task: str = "") -> dict[str, Any]:
    """Stop the caller's oldest open call, or the one named; its finished pictures come in its answer."""
    named = desk.job_of(id_task) if id_task else None
    call = None if id_task else await _current(services, desk)
    if call is not None:
        call.was_interrupted = True
        named = call.job_id
    if named is not None:
        await services.generation.cancel(named)
    return {}


@router.post("/sdapi/v1/skip")
async def skip(services: ServicesDep, desk: DeskDep) -> None:
    """Pass over the picture that is being drawn, the first unfinished one of the caller's oldest open call.

    The others of that call go on; it answers with one picture less.
    """
    call = await _current(services, desk)
    if call is not None and await services.generation.skip(call.job_id) is not None:
        call.skipped += 1


@router.get("/internal/pending-tasks")
async def pending_tasks(desk: DeskDep) -> dict[str, Any]:
    """The caller's named calls that wait or are worked on."""
    tasks = [call.task_id for call in desk.calls if call.task_id]
    return {"size": len(tasks), "tasks": tasks}


@router.post("/internal/progress")
async def task_progress(body: ProgressIn, services: ServicesDep, desk: DeskDep) -> dict[str, Any]:
    """How far the call with this `force_task_id` is, also after its connection was cut."""
    job_id = desk.job_of(body.id_task)
    job = None if job_id is None else await services.generation.get(job_id)
    if job is None:
        return _task(body, None, None, "Waiting...")
    progress = services.generation.progress(job.id)
    text = await _queue_text(services, job.id) if job.status is JobStatus.QUEUED else None
    return _task(body, job, progress, text)


def _task(body: ProgressIn, job: Job | None, progress: Progress | None, text: str | None) -> dict[str, Any]:
    is_new = progress is not None and progress.preview is not None and progress.done != body.id_live_preview
    preview = progress.preview if progress is not None and is_new and body.live_preview else None
    return {
        "active": job is not None and job.status in (JobStatus.RUNNING, JobStatus.CANCELLING),
        "queued": job is not None and job.status is JobStatus.QUEUED,
        "completed": job is not None and job.status.is_final,
        "progress": None if progress is None else _share(progress),
        "eta": None if progress is None else progress.eta_seconds,
        "live_preview": preview,
        "id_live_preview": progress.done if preview and progress is not None else body.id_live_preview,
        "textinfo": text,
    }


async def _current(services: Services, desk: Desk) -> OpenCall | None:
    """The oldest open call that is worked on, else the oldest that waits."""
    for call in desk.calls:
        if services.generation.progress(call.job_id) is not None:
            return call
    return desk.calls[0] if desk.calls else None


async def _queue_text(services: Services, job_id: str) -> str:
    job = await services.generation.get(job_id)
    if job.kind is not JobKind.GENERATE or job.status is not JobStatus.QUEUED:
        return "Waiting..."
    ahead = await services.generation.ahead(job_id)
    return f"In queue: {ahead + 1}/{ahead + 1}" if ahead else "Waiting..."


def _share(progress: Progress | None) -> float:
    done = 0.0 if progress is None or progress.total <= 0 else progress.done / progress.total
    return round(min(1.0, BEGUN + done), 4)


def _state(call: OpenCall, progress: Progress | None) -> dict[str, Any]:
    images = progress.image if progress else 0
    per_image = progress.total // max(1, progress.images) if progress else 0
    step = 0 if progress is None or not per_image else max(0, progress.done - images * per_image)
    return {
        "skipped": call.skipped > 0,
        "interrupted": call.was_interrupted,
        "stopping_generation": call.was_interrupted,
        "job": call.task_id or call.job_id,
        "job_count": call.count,
        "job_timestamp": call.started,
        "job_no": min(images, call.count),
        "sampling_step": min(step, per_image),
        "sampling_steps": per_image,
    }


def _bare(progress: Progress | None) -> str | None:
    """The preview as plain base64; `None` when there is none yet."""
    return None if progress is None or progress.preview is None else progress.preview.partition(",")[2]


def _idle() -> dict[str, Any]:
    state = {"skipped": False, "interrupted": False, "stopping_generation": False, "job": "", "job_count": 0}
    numbers = {"job_timestamp": "0", "job_no": 0, "sampling_step": 0, "sampling_steps": 0}
    return {"progress": 0.0, "eta_relative": 0.0, "state": state | numbers, "current_image": None, "textinfo": None}
