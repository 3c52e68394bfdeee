"""What this server offers, so that a client can hide what it does not: its routes and the fields of their bodies."""

from __future__ import annotations

from importlib.util import find_spec

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from generator.hands.install import is_installed
from service.api.deps import ServicesDep

router = APIRouter(prefix="/api", tags=["catalogue"])
METHODS = ("get", "post", "put", "patch", "delete")


class CapabilitiesView(BaseModel):
    """A short form of `/openapi.json`."""

    routes: list[str] = Field(examples=[["POST /api/jobs"]])
    fields: dict[str, list[str]] = Field(
        examples=[{"JobIn": ["count", "spell"]}], description="Names of the fields of every request body's schema."
    )
    hands: bool = Field(description="Whether hands can be found and repaired: the networks and their package are here.")


@router.get("/capabilities")
async def read_capabilities(request: Request, services: ServicesDep) -> CapabilitiesView:
    """Routes and the fields they take; `/openapi.json` in a few lines."""
    described = request.app.openapi()
    routes = [
        f"{method.upper()} {path}"
        for path, methods in described["paths"].items()
        for method in methods
        if method in METHODS
    ]
    schemas = described["components"]["schemas"]
    fields = {
        name: sorted(schema.get("properties", {})) for name, schema in schemas.items() if name.endswith(("In", "Model"))
    }
    hands = find_spec("ai_edge_litert") is not None and is_installed(services.settings.hands_path)
    return CapabilitiesView(routes=sorted(routes), fields=fields, hands=hands)
