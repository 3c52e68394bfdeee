"""`/v1/images`: pictures of an idea or a prompt."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from service.api.deps import ServicesDep
from service.compat.failure import error_of
from service.compat.openai.errors import OpenAIRoute
from service.compat.openai.sizes import quality_steps, size_overrides
from service.compat.openai.wishes import checkpoint_of, spell_for, with_values
from service.compat.pictures_out import base64_of, encoded
from service.compat.waiting import CLIENT_CLOSED, wait_with
from service.generation import PictureOrder
from service.jobs import ImageRecord, Job, JobStatus
from service.services import Services

router = APIRouter(prefix="/v1/images", tags=["OpenAI: images"], route_class=OpenAIRoute)
FORMATS = {"png": "png", "jpeg": "jpg", "webp": "webp"}


class ImagesIn(BaseModel):
    """What every image call may say; unknown fields are ignored, as OpenAI's clients send many."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    model: str | None = Field(default=None, max_length=256, description="A checkpoint; dall-e-3 and the like mean any.")
    n: int | None = Field(default=1, ge=1)
    size: str | None = Field(default=None, description="Like 512x512, or auto.")
    quality: str | None = Field(default=None, description="low, medium, high; standard, hd; auto.")
    response_format: Literal["url", "b64_json"] | None = Field(
        default=None, description="Not sent: each picture comes with both."
    )
    output_format: Literal["png", "jpeg", "webp"] | None = None
    output_compression: int | None = Field(default=None, ge=0, le=100)
    user: str | None = None


class GenerationIn(ImagesIn):
    """The body of images/generations."""

    prompt: str = Field(description="An idea in any language, or a written prompt.", examples=["a penguin on green"])


@router.post("/generations")
async def generate_images(body: GenerationIn, request: Request, services: ServicesDep) -> Response:
    """Draw an idea or a prompt; answers when the pictures are done. `revised_prompt` is what was drawn."""
    checkpoint = await checkpoint_of(services, body.model)
    family = checkpoint.profile
    values = size_overrides(body.size, family) | quality_steps(body.quality, family)
    spell = with_values(await spell_for(services, body.prompt, checkpoint), values)
    job = await services.generation.submit(PictureOrder(spell=spell, count=body.n or 1))
    return await answered(request, services, body, job)


async def answered(request: Request, services: Services, body: ImagesIn, job: Job) -> Response:
    """Wait for the job and answer with its pictures.

    Raises:
        SpellwrightError: The job failed, with its own reason.
    """
    ended = await wait_with(request, services, job)
    if ended is None:
        return Response(status_code=CLIENT_CLOSED)
    if ended.status is not JobStatus.DONE:
        raise error_of(ended.problem)
    records = await services.generation.images(job.id)
    base = str(request.base_url).rstrip("/")
    return JSONResponse(
        {
            "created": int(job.created_at.timestamp()),
            "data": [await _picture(services, body, record, base) for record in records],
            "output_format": body.output_format or "png",
            "size": f"{records[0].width}x{records[0].height}",
            "job_id": job.id,
        }
    )


async def _picture(services: Services, body: ImagesIn, record: ImageRecord, base: str) -> dict[str, Any]:
    picture: dict[str, Any] = {"revised_prompt": record.spell.prompt, "seed": record.spell.params.seed}
    if body.response_format != "b64_json":
        picture["url"] = f"{base}/api/images/{record.id}"
    if body.response_format != "url":
        file = await services.gallery.read(record)
        quality = 90 if body.output_compression is None else max(1, body.output_compression)
        wanted = FORMATS[body.output_format or "png"]
        picture["b64_json"] = base64_of(await asyncio.to_thread(encoded, file, wanted, quality))
    return picture
