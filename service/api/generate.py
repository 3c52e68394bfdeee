"""The one-call route: an idea or a photo in, a spell and a picture job out."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fastapi import APIRouter, Request, Response

from service.api.deps import IdempotencyKey, ServicesDep
from service.api.photo_schemas import form_fields
from service.api.reading import interrogation_view, job_view
from service.api.schemas import GenerateIn, hand_choice
from service.api.spell_views import SpellVersionView
from service.api.uploads import Received, fields_as, receive
from service.api.views import GenerateView, InterrogationView
from service.api.wishes_schemas import WishesIn
from service.errors import RequestInvalid
from service.generation import PictureOrder
from service.hand_choice import HandChoice
from service.interrogation import fingerprint
from service.jobs import Job, JobStatus, Problem
from service.services import Services
from service.spells import SpellVersion
from service.store.base import Idempotency

router = APIRouter(prefix="/api", tags=["generate"])
PHOTO_PATIENCE_SECONDS = 45.0  # tunnels cut silent calls after 60 s
FORM = {
    "type": "object",
    "properties": {
        "file": {"type": "string", "format": "binary"},
        **form_fields(WishesIn.model_json_schema()),
        "idea": {"type": "string"},
        "checkpoint": {"type": "string"},
        "count": {"type": "integer"},
        "overrides": {"type": "string", "description": "JSON object"},
        "offline": {"type": "boolean"},
        "hands": {"type": "string", "description": "JSON: true, false or a list of strategies"},
    },
}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": GenerateIn.model_json_schema(ref_template="#/components/schemas/{model}")},
            "multipart/form-data": {"schema": FORM},
        },
    }
}


@router.post("/generate", status_code=202, openapi_extra=BODY)
async def generate(
    request: Request, services: ServicesDep, response: Response, key: IdempotencyKey = None
) -> GenerateView:
    """An idea or a photo in; its spell and a picture job out.

    `mode`, `target`, `artists`, `brands`, `blocked`, `lists` and `max_tokens` say how a photo is read, as in
    `/api/interrogations`; an idea has no use for them. A photo that takes longer than 45 s to read answers with the
    interrogation alone: follow that, then submit its spell to `/api/jobs`.
    """
    received = await receive(request)
    body = fields_as(GenerateIn, received.fields)
    if (body.idea is None) == (received.picture is None):
        raise RequestInvalid("Send either idea or a picture, one of them.", field="idea")
    promise = None if key is None else Idempotency(key, _fingerprint(received))
    async with services.generation.turn(promise):
        known = None if promise is None else await services.generation.known(promise)
        if known is not None:
            return await _again(services, known, response)
        return await _made(services, response, received.picture, body, promise)


async def _made(
    services: Services, response: Response, picture: bytes | None, body: GenerateIn, promise: Idempotency | None
) -> GenerateView:
    interrogation: InterrogationView | None = None
    if picture is not None:
        photo_key = None if promise is None else f"photo:{promise.key}"[:255]
        reading = await _read_photo(services, picture, body, photo_key)
        interrogation = await interrogation_view(services, reading)
        version = await _with_hands(services, await _spell_of(services, reading), hand_choice(body.hands))
    else:
        version = await services.expansion.create(
            body.idea or "", checkpoint=body.checkpoint, offline=body.offline, hands=hand_choice(body.hands)
        )
    if version is None:
        response.headers["Location"] = f"/api/interrogations/{interrogation.id}" if interrogation else ""
        return GenerateView(spell=None, job=None, interrogation=interrogation)
    overrides = body.overrides.given()
    if body.checkpoint is not None:
        overrides.setdefault("checkpoint", body.checkpoint)
    order = PictureOrder(
        spell_id=version.spell_id,
        version=version.number,
        count=None if body.count == 1 else body.count,
        overrides=overrides,
    )
    job = await services.generation.submit(order, promise)
    if job.spell_id != version.spell_id:  # another process was asked the same a moment before
        return await _again(services, job, response)
    response.headers["Location"] = f"/api/jobs/{job.id}"
    return GenerateView(
        spell=SpellVersionView.of(version), job=await job_view(services, job), interrogation=interrogation
    )


async def _with_hands(
    services: Services, version: SpellVersion | None, choice: HandChoice | None
) -> SpellVersion | None:
    """What was read of a photo with the hand plan as somebody chose it; left as it is where nobody did."""
    if version is None or choice is None:
        return version
    return (await services.hands.apply(version.spell_id, version.number, choice))[0]


def _fingerprint(received: Received) -> str:
    asked = json.dumps(received.fields, sort_keys=True, default=str)
    return fingerprint("generate-call", asked, received.picture or b"")


async def _again(services: Services, job: Job, response: Response) -> GenerateView:
    """The answer to a call that was made before under the same key."""
    response.headers["Location"] = f"/api/jobs/{job.id}"
    spell = None
    if job.spell_id is not None:
        spell = SpellVersionView.of(await services.library.get(job.spell_id, job.spell_version))
    return GenerateView(spell=spell, job=await job_view(services, job), interrogation=None)


async def _read_photo(services: Services, picture: bytes, asked: WishesIn, key: str | None) -> Job:
    job = await services.interrogation.start(picture, asked.mode, key, asked.wishes())
    try:
        async with asyncio.timeout(PHOTO_PATIENCE_SECONDS):
            return await services.generation.wait(job.id)
    except TimeoutError:
        return await services.generation.get(job.id)


async def _spell_of(services: Services, job: Job) -> SpellVersion | None:
    """What the interrogation led to; `None` while it is still going on.

    Raises:
        RequestInvalid: It failed; carries its code.
    """
    if job.status is JobStatus.DONE and job.spell_id is not None:
        return await services.library.get(job.spell_id, job.spell_version)
    if job.status.is_final:
        failed = job.problem or Problem("interrogation_failed", "The interrogation was cancelled.")
        error = RequestInvalid(failed.detail, field="file")
        error.with_code(failed.code)
        raise error
    return None
