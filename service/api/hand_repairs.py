"""Routes that look at the hands of finished pictures, rank a job's seeds by them, and paint them again."""

from __future__ import annotations

from fastapi import APIRouter, Response

from service.api.deps import IdDep, IdempotencyKey, ServicesDep
from service.api.hands_schemas import HandRanking, HandRepairIn, HandsSeen
from service.api.reading import job_view
from service.api.views import JobView

router = APIRouter(prefix="/api", tags=["pictures"])


@router.get("/images/{id}/hands")
async def see_hands(image_id: IdDep, services: ServicesDep) -> HandsSeen:
    """The hands in a finished picture, with scores. Needs the hand networks: `spellwright models add hands`."""
    image = await services.gallery.get(image_id)
    return HandsSeen.of(image.id, await services.hand_eye.look(image))


@router.get("/jobs/{id}/hands")
async def rank_by_hands(job_id: IdDep, services: ServicesDep) -> HandRanking:
    """A job's finished pictures ranked by their hands: which seed to take."""
    images = await services.generation.images(job_id)
    seen = [HandsSeen.of(image.id, await services.hand_eye.look(image)) for image in images]
    return HandRanking(pictures=sorted(seen, key=lambda one: -one.score))


@router.post("/images/{id}/repair-hands", status_code=202)
async def repair_hands(
    image_id: IdDep, body: HandRepairIn, services: ServicesDep, response: Response, key: IdempotencyKey = None
) -> JobView:
    """Paint doubtful hands of a finished picture again, box by box at full size; the better one is kept.

    The result is a new picture of a new job; the old one stays.
    """
    image = await services.gallery.get(image_id)
    job = await services.generation.repair_hands(image, body.to_domain(), key)
    response.headers["Location"] = f"/api/jobs/{job.id}"
    return await job_view(services, job)
