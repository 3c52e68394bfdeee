"""Routes of jobs: submit, read, list, cancel, and the event stream."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from service.api.deps import Before, CallerDep, IdDep, IdempotencyKey, Limit, ServicesDep
from service.api.reading import job_view, sight_view
from service.api.schemas import JobIn
from service.api.sse import HEADERS, MEDIA_TYPE, job_stream
from service.api.streams import StreamCount
from service.api.views import JobPage, JobView
from service.generation import PictureOrder

router = APIRouter(prefix="/api/jobs", tags=["jobs"])
MAX_EVENT = 2**31 - 1


@router.post("", status_code=202)
async def submit_job(body: JobIn, services: ServicesDep, response: Response, key: IdempotencyKey = None) -> JobView:
    """Draw pictures of a spell, from nothing or over a picture (`img2img`: also inpainting and outpainting).

    On the answer the job is on the disk and will not be lost.
    """
    order = PictureOrder(
        spell=None if body.spell is None else body.spell.to_domain(),
        spell_id=body.spell_id,
        version=body.version,
        count=body.count,
        overrides=body.overrides.given(),
        img2img=None if body.img2img is None else await asyncio.to_thread(body.img2img.to_order),
        hand_repair=None if body.hand_repair is None else body.hand_repair.to_domain(),
        leaves_hands=body.hand_repair is None and "hand_repair" in body.model_fields_set,
        webhook_url=body.webhook_url,
    )
    job = await services.generation.submit(order, key)
    response.headers["Location"] = f"/api/jobs/{job.id}"
    return await job_view(services, job)


@router.get("")
async def list_jobs(services: ServicesDep, limit: Limit = 50, before: Before = None) -> JobPage:
    """Jobs, newest first."""
    found = await services.generation.sights.page(limit, before)
    more = found[-1].job.id if len(found) == limit else None
    return JobPage(jobs=[sight_view(services, sight) for sight in found], next_before=more)


@router.get("/{id}")
async def read_job(job_id: IdDep, services: ServicesDep) -> JobView:
    """A job with its progress and finished pictures."""
    return sight_view(services, await services.generation.sights.one(job_id))


@router.delete("/{id}", status_code=202)
async def cancel_job(job_id: IdDep, services: ServicesDep, response: Response) -> JobView:
    """Ask a job to stop at its next step; finished pictures are kept. 200 when it is over already."""
    job = await services.generation.cancel(job_id)
    if job.status.is_final:
        response.status_code = 200
    return await job_view(services, job)


@router.get("/{id}/events", response_class=StreamingResponse, responses={200: {"content": {MEDIA_TYPE: {}}}})
async def job_events(
    job_id: IdDep,
    services: ServicesDep,
    caller: CallerDep,
    request: Request,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=20)] = None,
    after: Annotated[int | None, Query(ge=0, le=MAX_EVENT, description="As Last-Event-ID, for a first visit.")] = None,
) -> Response:
    """The job's life as server-sent events; resumes after `Last-Event-ID`.

    204 when the client has everything and the job is over: browsers stop reconnecting then.
    """
    sight = await services.generation.sights.one(job_id)
    job, seen = sight.job, _number(last_event_id)
    if seen is not None and job.status.is_final and seen >= job.last_event:
        return Response(status_code=204)
    streams: StreamCount = request.app.state.streams
    events = job_stream(services, sight, seen if seen is not None else after)
    stream = streams.counted(events, caller, services.access.is_valid)
    return StreamingResponse(stream, media_type=MEDIA_TYPE, headers=HEADERS)


def _number(text: str | None) -> int | None:
    """The number in a Last-Event-ID; `None` for anything that is not one of ours."""
    if text is None or not text.isascii() or not text.isdigit() or int(text) > MAX_EVENT:
        return None
    return int(text)
