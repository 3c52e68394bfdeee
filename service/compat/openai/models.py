"""`/v1/models`: the chat model and every checkpoint."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from generator.errors import CheckpointNotFound
from service.api.deps import ServicesDep
from service.compat.openai.errors import OpenAIRoute
from service.errors import NotFound
from service.product import PRODUCT

router = APIRouter(prefix="/v1", tags=["OpenAI: models"], route_class=OpenAIRoute)
CHAT_MODEL = "spellwright"
"""The name of the chat that makes spells, whatever language model is behind it."""


@router.get("/models")
async def list_models(services: ServicesDep) -> dict[str, Any]:
    """The chat model, and the checkpoints that can be drawn with; the one used by default first among them."""
    checkpoints = [info for info in await services.catalogue.checkpoints() if info.is_usable]
    return {"object": "list", "data": [_model(CHAT_MODEL), *(_model(info.name) for info in checkpoints)]}


@router.get("/models/{name:path}")
async def read_model(name: str, services: ServicesDep) -> dict[str, Any]:
    """One of them; a checkpoint goes by its name, file name, title or hash."""
    if name == CHAT_MODEL:
        return _model(CHAT_MODEL)
    try:
        return _model((await services.catalogue.checkpoint(name)).name)
    except CheckpointNotFound as missing:
        raise NotFound(missing.detail).with_code("model_not_found") from missing


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": PRODUCT.casefold()}
