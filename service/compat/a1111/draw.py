"""The routes that draw: a durable job behind each call, and an answer when it is done."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from service.api.deps import ServicesDep
from service.catalogue import CheckpointInfo
from service.compat.a1111 import answer
from service.compat.a1111.deps import DeskDep
from service.compat.a1111.desk import Desk, OpenCall
from service.compat.a1111.errors import A1111Route
from service.compat.a1111.options import Options, changed
from service.compat.a1111.over import over
from service.compat.a1111.schemas import DrawIn, Img2ImgIn, Txt2ImgIn
from service.compat.a1111.scripts import check_selectable, read_scripts
from service.compat.a1111.styles import stored_styles
from service.compat.a1111.translate import filled_from_infotext, wanted
from service.compat.failure import error_of
from service.compat.waiting import CLIENT_CLOSED, wait_with
from service.generation import PictureOrder
from service.ids import utc_now
from service.interrogation import fingerprint
from service.jobs import Job, JobStatus
from service.services import Services

router = APIRouter(prefix="/sdapi/v1", tags=["A1111: draw"], route_class=A1111Route)
TIMESTAMP = "%Y%m%d%H%M%S"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request, ready to be ordered."""

    body: DrawIn
    order: PictureOrder
    options: Options
    checkpoint: CheckpointInfo
    notes: list[str]


@router.post("/txt2img")
async def txt2img(body: Txt2ImgIn, request: Request, services: ServicesDep, desk: DeskDep) -> Response:
    """Draw pictures of a prompt; answers when they are done.

    A client that leaves cancels them, unless it sent a `force_task_id`.
    """
    check_selectable(body.script_name)
    prepared = await prepare(services, desk, filled_from_infotext(body))
    return await ordered(request, services, desk, prepared)


@router.post("/img2img")
async def img2img(body: Img2ImgIn, request: Request, services: ServicesDep, desk: DeskDep) -> Response:
    """Draw over a picture, as a whole or where the mask is white; the rest is as in txt2img.

    A size that is not sent is the picture's own shape.
    """
    check_selectable(body.script_name)
    prepared = await prepare(services, desk, filled_from_infotext(body))
    found = await asyncio.to_thread(over, body, prepared.options)
    order = replace(prepared.order, img2img=found.order)
    return await ordered(request, services, desk, replace(prepared, order=order, notes=[*prepared.notes, *found.notes]))


async def prepare(services: Services, desk: Desk, body: DrawIn) -> Prepared:
    """The order that `body` stands for.

    Raises:
        Refused, SpellwrightError: Something in it cannot be done.
    """
    options, notes = changed(desk.options, body.override_settings)
    checkpoint = await services.catalogue.checkpoint(options.sd_model_checkpoint)
    options = replace(options, sd_model_checkpoint=checkpoint.name)
    wishes = read_scripts(body.alwayson_scripts)
    styles = await asyncio.to_thread(stored_styles, services.settings.data_dir) if body.styles else ()
    found = wanted(body, options, styles, checkpoint.profile.defaults if checkpoint.is_demo else None)
    all_notes = [*notes, *found.notes, *wishes.notes]
    if checkpoint.is_demo and checkpoint.notice:
        all_notes.append(checkpoint.notice)
    order = PictureOrder(spell=found.spell, count=found.count, hand_repair=wishes.hand_repair)
    return Prepared(body, order, options, checkpoint, all_notes)


async def ordered(request: Request, services: Services, desk: Desk, prepared: Prepared) -> Response:
    """Order, wait, answer."""
    body = prepared.body
    job = await _job(services, desk, prepared)
    call = OpenCall(job.id, job.count, utc_now().strftime(TIMESTAMP), body.force_task_id)
    desk.calls.append(call)
    try:
        ended = await wait_with(request, services, job, outlives_client=bool(body.force_task_id))
    finally:
        desk.calls.remove(call)
    if ended is None:
        return Response(status_code=CLIENT_CLOSED)
    if body.force_task_id:
        desk.answered(body.force_task_id)
    if ended.status is JobStatus.FAILED:
        raise error_of(ended.problem)
    return await _answer(services, prepared, ended, call)


async def _job(services: Services, desk: Desk, prepared: Prepared) -> Job:
    """The job of this call; that of the same named call when its pictures were not fetched yet."""
    task_id = prepared.body.force_task_id
    if not task_id:
        return await services.generation.submit(prepared.order)
    asked = fingerprint("a1111", json.dumps(prepared.body.model_dump(mode="json"), sort_keys=True, default=str))
    known = desk.task(task_id, asked)
    if known is not None:
        return await services.generation.get(known)
    job = await services.generation.submit(prepared.order)
    desk.name_task(task_id, job.id, asked)
    return job


async def _answer(services: Services, prepared: Prepared, job: Job, call: OpenCall) -> Response:
    records = await services.generation.images(job.id)
    notes = list(prepared.notes)
    if job.status is JobStatus.CANCELLED:
        notes.append("The job was interrupted; these are the pictures that were finished.")
    if call.skipped:
        notes.append(f"{call.skipped} of the pictures were skipped; these are the others.")
    content: dict[str, Any] = {
        "images": await answer.drawn(services, prepared.body, prepared.options, job),
        "parameters": answer.parameters(prepared.body),
        "info": answer.info(job, call, prepared.body, records, prepared.checkpoint, notes),
    }
    return JSONResponse(content)
