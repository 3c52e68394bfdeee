"""Routes of finished pictures."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from prompts.metadata import format_infotext
from service.api.deps import Before, IdDep, Limit, ServicesDep
from service.api.search_query import SearchDep
from service.api.views import ImageSpellView, ImageView
from service.spell_json import SpellModel
from service.thumbnails import SIDES, thumbnail

router = APIRouter(prefix="/api/images", tags=["pictures"])
FOR_GOOD = "private, max-age=31536000, immutable"
WEBP = {200: {"content": {"image/webp": {}}, "description": "A small WebP"}}
Side = Annotated[int, Query(ge=SIDES[0], le=SIDES[1], description="Pixels of the longer side.")]
PNG = {200: {"content": {"image/png": {}}, "description": "PNG with infotext"}}


class ImagePage(BaseModel):
    """A page of pictures, newest first."""

    images: list[ImageView]
    next_before: str | None


@router.get("")
async def list_images(services: ServicesDep, search: SearchDep, limit: Limit = 50, before: Before = None) -> ImagePage:
    """Finished pictures, newest first; by words, checkpoint, LoRA or time where they are given."""
    found = await services.gallery.page(limit, before, search)
    more = found[-1].id if len(found) == limit else None
    return ImagePage(images=[ImageView.of(image) for image in found], next_before=more)


@router.get("/{id}", response_class=Response, responses=PNG)  # type: ignore[arg-type]
@router.head("/{id}", include_in_schema=False)
async def read_image(image_id: IdDep, services: ServicesDep, request: Request) -> Response:
    """The PNG file, with the spell in its metadata; never changes."""
    known = request.headers.get("if-none-match")
    if known is None:
        image, file = await services.gallery.file(image_id)
    else:  # what the reader has already is not read again
        image, file = await services.gallery.get(image_id), b""
    tag = f'"{image.sha256}"'
    headers = {
        "Cache-Control": FOR_GOOD,
        "ETag": tag,
        "Content-Disposition": f'inline; filename="spellwright-{image.id}.png"',
    }
    if known == tag:
        return Response(status_code=304, headers=headers)
    return Response(file or await services.gallery.read(image), media_type="image/png", headers=headers)


@router.get("/{id}/thumbnail", response_class=Response, responses=WEBP)  # type: ignore[arg-type]
@router.head("/{id}/thumbnail", include_in_schema=False)
async def read_thumbnail(image_id: IdDep, services: ServicesDep, request: Request, side: Side = 256) -> Response:
    """A small copy for lists, its longer side at most `side` pixels; never changes."""
    image = await services.gallery.get(image_id)
    tag = f'"{image.sha256[:32]}-{side}"'
    headers = {"Cache-Control": FOR_GOOD, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    file = await services.gallery.read(image)
    small = await asyncio.to_thread(thumbnail, file, side)
    return Response(small, media_type="image/webp", headers=headers)


@router.get("/{id}/spell")
async def read_image_spell(image_id: IdDep, services: ServicesDep) -> ImageSpellView:
    """The spell that made the picture: equal to what its file says."""
    image = await services.gallery.get(image_id)
    return ImageSpellView(
        spell=SpellModel.from_domain(image.spell), infotext=format_infotext(image.spell), notes=list(image.notes)
    )
