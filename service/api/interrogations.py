"""Routes of photos: interrogate, and read what a picture says about itself."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from prompts.metadata import examine, read, read_infotext
from prompts.pictures import check_header
from prompts.spell import Spell
from service.api.deps import IdDep, IdempotencyKey, ServicesDep
from service.api.photo_schemas import InterrogationIn, picture_body
from service.api.reading import interrogation_view
from service.api.schemas import InspectIn
from service.api.uploads import fields_as, receive, required
from service.api.views import InspectView, InterrogationView, VerdictView
from service.api.wishes_schemas import WishesIn
from service.errors import NotFound
from service.jobs import JobKind, JobStatus
from service.spell_json import SpellModel

router = APIRouter(prefix="/api", tags=["photos"])


@router.post("/interrogations", status_code=202, openapi_extra=picture_body(InterrogationIn))
async def interrogate(
    request: Request, services: ServicesDep, response: Response, key: IdempotencyKey = None
) -> InterrogationView:
    """A photo becomes a spell: 200 at once when the picture carries its own, else 202 and a job.

    `target`, `artists`, `brands`, `blocked`, `lists` and `max_tokens` say what the words are for and which may be
    used; the answer's `asked` repeats them. With the setting `captions = chat` a vision model writes the caption.
    """
    received = await receive(request)
    picture = required(received.picture)
    body = fields_as(WishesIn, received.fields)
    job = await services.interrogation.start(picture, body.mode, key, body.wishes())
    if job.status is JobStatus.DONE:
        response.status_code = 200
    response.headers["Location"] = f"/api/interrogations/{job.id}"
    return await interrogation_view(services, job)


@router.get("/interrogations/{id}")
async def read_interrogation(job_id: IdDep, services: ServicesDep) -> InterrogationView:
    """How an interrogation stands, and what it found."""
    job = await services.generation.get(job_id)
    if job.kind is not JobKind.INTERROGATE:
        raise NotFound
    return await interrogation_view(services, job)


@router.post("/inspect", openapi_extra=picture_body(InspectIn))
async def inspect(request: Request, services: ServicesDep) -> InspectView:
    """The spell that a picture carries, and whether it can be drawn again here; nothing is guessed or stored."""
    received = await receive(request)
    fields_as(InspectIn, received.fields | {"image_base64": ""})
    data = required(received.picture)
    header = await asyncio.to_thread(check_header, data)
    reading = await asyncio.to_thread(read, data)
    if reading is not None and reading.spell == Spell():
        reading = None
    verdicts = () if reading is None else examine(reading, await services.catalogue.machine(reading.spell))
    return InspectView(
        found=reading is not None,
        tool=None if reading is None else reading.tool,
        spell=None if reading is None else SpellModel.from_domain(reading.spell),
        infotext=read_infotext(data),
        verdicts=[VerdictView.of(verdict) for verdict in verdicts],
        format=header.format,
        width=header.width,
        height=header.height,
    )
