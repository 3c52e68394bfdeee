"""Routes that make pictures larger without drawing them again."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from prompts.upscale import FACTOR, SIDE, VISIBILITY, Upscale
from service.api.deps import IdempotencyKey, ServicesDep
from service.api.img2img_schemas import PictureIn
from service.api.reading import job_view
from service.api.views import JobView

router = APIRouter(prefix="/api", tags=["pictures"])


class UpscaleIn(BaseModel):
    """A picture and how it is made larger; `to` goes before `by`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: PictureIn
    upscaler: str = Field(default="Lanczos", max_length=256, description="Lanczos, Nearest or an installed network.")
    by: float = Field(default=2.0, ge=FACTOR[0], le=FACTOR[1], allow_inf_nan=False)
    width: int | None = Field(default=None, ge=SIDE[0], le=SIDE[1], description="Of the result; with height.")
    height: int | None = Field(default=None, ge=SIDE[0], le=SIDE[1])
    crop: bool = Field(default=True, description="Cover width and height and cut; otherwise fit into them.")
    second: str | None = Field(default=None, max_length=256, description="Laid over the first.")
    second_visibility: float = Field(default=0.0, ge=VISIBILITY[0], le=VISIBILITY[1], allow_inf_nan=False)

    def to_domain(self) -> Upscale:
        """The settings, with an empty source."""
        to = None if self.width is None or self.height is None else (self.width, self.height)
        return Upscale("", self.upscaler, self.by, to, self.crop, self.second, self.second_visibility)


@router.post("/upscales", status_code=202)
async def upscale(body: UpscaleIn, services: ServicesDep, response: Response, key: IdempotencyKey = None) -> JobView:
    """Make a picture larger as a job of its own; the infotext it carries is kept, and says how."""
    ref = await asyncio.to_thread(body.source.to_ref)
    job = await services.generation.upscale(ref, body.to_domain(), key)
    response.headers["Location"] = f"/api/jobs/{job.id}"
    return await job_view(services, job)
