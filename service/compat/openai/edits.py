"""`/v1/images/edits` and `/variations`: a picture changed, or drawn again from what it shows."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from prompts.canvas import has_transparency
from prompts.img2img import Img2Img, Inpaint
from service.api.deps import ServicesDep
from service.api.uploads import fields_as
from service.compat.failure import error_of
from service.compat.openai.errors import OpenAIRoute
from service.compat.openai.form import read_form
from service.compat.openai.images import ImagesIn, answered
from service.compat.openai.sizes import exact_size, quality_steps, size_overrides
from service.compat.openai.wishes import checkpoint_of, spell_for
from service.compat.waiting import CLIENT_CLOSED, wait_with
from service.generation import PictureOrder
from service.sources import Img2ImgOrder, PictureRef

router = APIRouter(prefix="/v1/images", tags=["OpenAI: images"], route_class=OpenAIRoute)


class EditIn(ImagesIn):
    """The form of images/edits, without its files."""

    prompt: str = Field(description="What the picture should become.")
    strength: float = Field(
        default=0.75, ge=0, le=1, allow_inf_nan=False, description="Ours: how much of the picture is drawn anew."
    )


def _form(model: type[ImagesIn], files: tuple[str, ...], required: list[str]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema["properties"] |= {name: {"type": "string", "format": "binary"} for name in files}
    schema["required"] = required
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


@router.post("/edits", openapi_extra=_form(EditIn, ("image", "mask"), ["image", "prompt"]))
async def edit_images(request: Request, services: ServicesDep) -> Response:
    """Draw over a picture: where the `mask` is transparent, else where the picture itself is, else all of it.

    The size is the picture's own unless another is asked for.
    """
    form = await read_form(request)
    body = fields_as(EditIn, form.fields)
    source, mask = form.picture("image"), form.files.get("mask")
    is_part = mask is not None or await asyncio.to_thread(has_transparency, source)
    checkpoint = await checkpoint_of(services, body.model)
    wanted = await spell_for(services, body.prompt, checkpoint)
    size: dict[str, Any] = exact_size(body.size) or {"width": None, "height": None}
    spell = wanted.evolve(**(size | quality_steps(body.quality, checkpoint.profile)))
    order = Img2ImgOrder(
        source=PictureRef(data=source),
        settings=Img2Img("", denoising_strength=body.strength, inpaint=Inpaint("") if is_part else None),
        mask=None if mask is None else PictureRef(data=mask),
        mask_alpha="transparent",
    )
    job = await services.generation.submit(PictureOrder(spell=spell, count=body.n or 1, img2img=order))
    return await answered(request, services, body, job)


@router.post("/variations", openapi_extra=_form(ImagesIn, ("image",), ["image"]))
async def vary_image(request: Request, services: ServicesDep) -> Response:
    """Read what a picture shows, or the spell it carries, and draw that with new seeds."""
    form = await read_form(request)
    body = fields_as(ImagesIn, form.fields)
    checkpoint = await checkpoint_of(services, body.model)
    started = await services.interrogation.start(form.picture("image"))
    ended = started if started.status.is_final else await wait_with(request, services, started)
    if ended is None:
        return Response(status_code=CLIENT_CLOSED)
    if ended.spell_id is None:
        raise error_of(ended.problem)
    found = (await services.library.get(ended.spell_id, ended.spell_version)).spell
    values = size_overrides(body.size, checkpoint.profile) | quality_steps(body.quality, checkpoint.profile)
    spell = found.evolve(**({"checkpoint": checkpoint.name, "checkpoint_hash": None, "seed": None} | values))
    job = await services.generation.submit(PictureOrder(spell=spell, count=body.n or 1))
    return await answered(request, services, body, job)
