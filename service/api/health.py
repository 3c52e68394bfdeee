"""Routes for whoever watches the server."""

from __future__ import annotations

from fastapi import APIRouter, Response

from service.api.deps import OpenServicesDep
from service.api.views import HealthView
from service.engine.base import EngineState
from service.product import product_version
from service.services import Services

router = APIRouter(tags=["health"])


@router.get("/healthz")
@router.head("/healthz", include_in_schema=False)
async def live(services: OpenServicesDep) -> HealthView:
    """Whether the process answers."""
    return _view(services, "alive")


@router.get("/readyz")
@router.head("/readyz", include_in_schema=False)
async def ready(services: OpenServicesDep, response: Response) -> HealthView:
    """Whether work is accepted: jobs are, as soon as the database is open, also while the engine still loads."""
    if services.generation.is_draining:
        response.status_code = 503
        return _view(services, "draining")
    if services.engine.status().state is EngineState.FAILED:
        response.status_code = 503
        return _view(services, "engine_failed")
    await services.generation.page(1)
    return _view(services, "ready")


def _view(services: Services, status: str) -> HealthView:
    engine = services.engine.status()
    return HealthView(status=status, version=product_version(), engine=str(engine.state), detail=engine.detail)
