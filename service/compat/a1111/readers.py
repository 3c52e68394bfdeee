"""The routes that read a picture: its parameters, or what it shows."""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from prompts.errors import UnknownName
from prompts.interrogation import mode_named
from prompts.language.networks import write_loras
from prompts.metadata import embedded, format_infotext, read_infotext, read_spell
from prompts.metadata.document import take_apart
from prompts.pictures import base64_picture, check_header
from service.api.deps import ServicesDep
from service.compat.a1111.errors import A1111Route
from service.compat.a1111.schemas import InterrogateIn, PictureIn
from service.compat.door_route import Refused
from service.compat.failure import error_of
from service.compat.waiting import CLIENT_CLOSED, wait_with
from service.errors import NotFound
from service.jobs import Job
from service.services import Services

router = APIRouter(tags=["A1111: read"], route_class=A1111Route)
MODES = MappingProxyType({"clip": "fast", "deepdanbooru": "tags", "deepbooru": "tags"})
URL_BEGINNINGS = ("http://", "https://", "ftp://", "file:")


def picture_of(text: str) -> bytes:
    """The bytes of a base64 picture; addresses are never fetched.

    Raises:
        Refused: An address.
        PictureError: code `base64_invalid`, `image_too_large`.
    """
    if text.lstrip()[:8].casefold().startswith(URL_BEGINNINGS):
        raise Refused(422, "Requests not allowed: send the picture itself as base64, not its address.")
    return base64_picture(text)


@router.post("/sdapi/v1/png-info")
async def png_info(body: PictureIn) -> dict[str, Any]:
    """The infotext a picture carries, its other texts, and the infotext taken apart; all empty when there is none."""
    if not body.image.strip():
        return {"info": "", "items": {}, "parameters": {}}
    return await asyncio.to_thread(_png_info, picture_of(body.image))


@router.post("/sdapi/v1/interrogate")
async def interrogate(body: InterrogateIn, request: Request, services: ServicesDep) -> Response:
    """A prompt for a picture: the one it carries, else what can be seen in it; a failure is never a caption."""
    if not body.image.strip():
        raise Refused(404, "Image not found")
    try:
        mode = mode_named(MODES.get(body.model.casefold(), body.model))
    except UnknownName as unknown:
        raise Refused(404, "Model not found") from unknown
    ended = await _read(request, services, picture_of(body.image), mode)
    if ended is None:
        return Response(status_code=CLIENT_CLOSED)
    spell = (await services.library.get(ended.spell_id or "", ended.spell_version)).spell
    return JSONResponse({"caption": write_loras(spell.prompt, spell.loras)})


async def _read(request: Request, services: Services, data: bytes, mode: str) -> Job | None:
    job = await services.interrogation.start(data, mode)
    ended = job if job.status.is_final else await wait_with(request, services, job)
    if ended is not None and ended.spell_id is None:
        raise error_of(ended.problem) if ended.problem else NotFound("The picture was not read: the job was cancelled.")
    return ended


def _png_info(data: bytes) -> dict[str, Any]:
    check_header(data)
    found = embedded(data)
    texts = {} if found is None else dict(found.texts)
    infotext = read_infotext(data)
    if infotext is None:
        spell = read_spell(data)  # another program's, said in A1111's words
        infotext = "" if spell is None else format_infotext(spell)
    if infotext:
        texts.setdefault("parameters", infotext)
    document = take_apart(infotext)
    pairs = {pair.key: pair.value for pair in document.pairs}
    prompts = {"Prompt": document.prompt, "Negative prompt": document.negative_prompt} if infotext else {}
    return {"info": infotext, "items": texts, "parameters": prompts | pairs}
