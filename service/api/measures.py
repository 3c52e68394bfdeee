"""The route of figures, for callers with the scope `admin`: without keys, this machine's own user."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Depends, Request, Response

from service.api.deps import ServicesDep, needs
from service.api.streams import StreamCount
from service.auth.caller import Scope
from service.metrics import MEDIA_TYPE, RequestFigures, series

router = APIRouter(tags=["health"], dependencies=[Depends(needs(Scope.ADMIN))])


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
@router.head("/metrics", include_in_schema=False)
async def read_metrics(request: Request, services: ServicesDep) -> Response:
    """Figures of this process and its queue, as Prometheus reads them."""
    figures: RequestFigures = request.app.state.figures
    streams: StreamCount = request.app.state.streams
    jobs = await asyncio.to_thread(services.job_counts)
    engine = services.engine.status()
    lines = [
        *figures.lines(),
        *series(
            "spellwright_jobs", "gauge", "Jobs in the store.", {(("status", s),): count for s, count in jobs.items()}
        ),
        *series("spellwright_event_streams", "gauge", "Event streams open.", {(): streams.open}),
        *series("spellwright_engine_requests", "gauge", "Pictures in the engine.", {(): engine.running}),
        *series("spellwright_engine_state", "gauge", "1 for its state.", {(("state", str(engine.state)),): 1}),
    ]
    return Response("\n".join(lines) + "\n", media_type=MEDIA_TYPE)
