"""Routes of source pictures: what img2img and inpainting start from."""

from __future__ import annotations

from fastapi import APIRouter, Request

from service.api.deps import ServicesDep
from service.api.photo_schemas import picture_body
from service.api.schemas import InspectIn
from service.api.uploads import fields_as, receive, required
from service.api.views import UploadView

router = APIRouter(prefix="/api", tags=["jobs"])


@router.post("/uploads", status_code=201, openapi_extra=picture_body(InspectIn))
async def upload(request: Request, services: ServicesDep) -> UploadView:
    """Keep a picture to draw over: its id goes into `img2img.source.upload_id` or a mask's, as often as wanted.

    It is decoded and checked before the answer. Kept for an hour, and as long as an unfinished job needs it.
    """
    received = await receive(request)
    fields_as(InspectIn, received.fields | {"image_base64": ""})
    kept, (width, height) = await services.generation.sources.upload(required(received.picture))
    return UploadView(id=kept.id, width=width, height=height, bytes=kept.bytes)
