"""The round trip as one route: a photo in; its spell, the picture that draws, and what to change, out."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from service.api.deps import IdempotencyKey, ServicesDep
from service.api.photo_schemas import RoundTripIn, picture_body
from service.api.photo_views import RoundTripView
from service.api.reading import interrogation_view, job_view
from service.api.uploads import fields_as, receive, required
from service.round_trip import RoundTripOrder, RoundTripState, Stage
from service.services import Services

router = APIRouter(prefix="/api", tags=["photos"])
PATIENCE_SECONDS = 45.0  # tunnels cut silent calls after 60 s


@router.post("/round-trips", status_code=200, openapi_extra=picture_body(RoundTripIn))
async def round_trip(
    request: Request, services: ServicesDep, response: Response, key: IdempotencyKey = None
) -> RoundTripView:
    """Interrogate a photo, draw its spell, compare both and propose typed edits of the spell, in one call.

    What takes longer than 45 s is answered with 202 and how far it came (`stage`: `reading` or `drawing`, with
    the job to follow); the same call again under the same `Idempotency-Key` goes on where it was.
    """
    received = await receive(request)
    body = fields_as(RoundTripIn, received.fields)
    order = RoundTripOrder(body.mode, body.wishes(), body.overrides.given(), is_applied=body.apply)
    state = await services.round_trip.run(required(received.picture), order, key, PATIENCE_SECONDS)
    if state.stage is not Stage.DONE:
        response.status_code = 202
        job = state.drawing or state.reading
        response.headers["Location"] = f"/api/jobs/{job.id}"
    return await _view(services, state)


async def _view(services: Services, state: RoundTripState) -> RoundTripView:
    return RoundTripView.of(
        state,
        await interrogation_view(services, state.reading),
        None if state.drawing is None else await job_view(services, state.drawing),
    )
