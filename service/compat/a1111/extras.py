"""The routes of A1111's Extras tab: a picture made larger, as a job of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from prompts.upscale import Upscale
from service.api.deps import ServicesDep
from service.compat.a1111.errors import A1111Route
from service.compat.a1111.readers import picture_of
from service.compat.a1111.schemas import ExtraBatchIn, ExtrasIn, ExtraSingleIn
from service.compat.door_route import Refused
from service.compat.failure import error_of
from service.compat.pictures_out import base64_of
from service.compat.waiting import CLIENT_CLOSED, wait_with
from service.jobs import JobStatus
from service.services import Services
from service.sources import PictureRef

router = APIRouter(prefix="/sdapi/v1", tags=["A1111: extras"], route_class=A1111Route)


@router.post("/extra-single-image")
async def extra_single_image(body: ExtraSingleIn, request: Request, services: ServicesDep) -> Response:
    """One picture, larger; its infotext and its mark stay in it."""
    made = await _all(request, services, body, [body.image])
    if made is None:
        return Response(status_code=CLIENT_CLOSED)
    return JSONResponse({"html_info": _told(body), "image": made[0]})


@router.post("/extra-batch-images")
async def extra_batch_images(body: ExtraBatchIn, request: Request, services: ServicesDep) -> Response:
    """Several pictures, larger."""
    made = await _all(request, services, body, [named.data for named in body.imageList])
    if made is None:
        return Response(status_code=CLIENT_CLOSED)
    answer: dict[str, Any] = {"html_info": _told(body), "images": made}
    return JSONResponse(answer)


async def _all(request: Request, services: Services, body: ExtrasIn, pictures: Sequence[str]) -> list[str] | None:
    """The pictures as base64; `None` when the client left."""
    if any(not text.strip() for text in pictures):
        raise Refused(404, "Image not found")
    files = [await asyncio.to_thread(picture_of, text) for text in pictures]
    if _is_none(body.upscaler_1):  # A1111's "None" leaves a picture as it is
        return [base64_of(file) for file in files]
    made = []
    for file in files:
        job = await services.generation.upscale(PictureRef(data=file), _wanted(body))
        ended = await wait_with(request, services, job)
        if ended is None:
            return None
        if ended.status is not JobStatus.DONE:
            raise error_of(ended.problem)
        (record,) = await services.generation.images(job.id)
        made.append(base64_of(await services.gallery.read(record)))
    return made


def _wanted(body: ExtrasIn) -> Upscale:
    is_sized = body.resize_mode == 1
    second = None if _is_none(body.upscaler_2) or body.extras_upscaler_2_visibility <= 0 else body.upscaler_2
    return Upscale(
        source="",
        upscaler=body.upscaler_1,
        by=body.upscaling_resize,
        to=(body.upscaling_resize_w, body.upscaling_resize_h) if is_sized else None,
        crop=body.upscaling_crop,
        second=second,
        second_visibility=body.extras_upscaler_2_visibility if second else 0.0,
    )


def _is_none(name: str) -> bool:
    return name.strip().casefold() in ("", "none")


def _told(body: ExtrasIn) -> str:
    restored = body.gfpgan_visibility > 0 or body.codeformer_visibility > 0
    return "Face restoration is not supported here; it was ignored." if restored else ""
