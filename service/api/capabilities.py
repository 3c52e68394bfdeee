"""What this server offers, so that a client can hide what it does not: its routes and the fields of their bodies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, get_args

from fastapi import APIRouter, Request
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from starlette.routing import BaseRoute

from generator.hands.install import is_installed
from service.api.deps import ServicesDep

router = APIRouter(prefix="/api", tags=["catalogue"])


@dataclass(frozen=True, slots=True)
class Offer:
    """What an application offers for as long as it lives; `service.app.create_app` makes it, once, and keeps it."""

    routes: tuple[str, ...]
    fields: dict[str, list[str]]
    """The field names of every request body's models; read only."""

    @classmethod
    def of(cls, app_routes: Sequence[BaseRoute]) -> Offer:
        """What these routes offer; those that are not in the API's description are left out."""
        offered = [route for route in iter_route_contexts(app_routes) if getattr(route, "include_in_schema", False)]
        offered.sort(key=lambda route: not str(route.path_format).startswith("/api/"))  # of equal names the first
        routes = sorted(f"{method} {route.path_format}" for route in offered for method in route.methods or ())
        bodies = [route.body_field.field_info.annotation for route in offered if route.body_field is not None]
        fields: dict[str, list[str]] = {}
        for model in (model for body in bodies for model in _models(body)):
            fields.setdefault(model.__name__, sorted(model.model_fields))
        return cls(tuple(routes), fields)


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
    offer: Offer = request.app.state.offer
    # Networks may be installed while the server runs.
    hands = is_installed(services.settings.hands_path) and find_spec("ai_edge_litert") is not None
    return CapabilitiesView(routes=list(offer.routes), fields=offer.fields, hands=hands)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in a type annotation, and in their fields'. Much quicker than describing them all."""
    todo, seen = [annotation], set[Any]()
    while todo:
        one = todo.pop(0)
        if isinstance(one, type) and issubclass(one, BaseModel):
            if one not in seen:
                seen.add(one)
                todo += [field.annotation for field in one.model_fields.values()]
                yield one
        else:
            todo += get_args(one)
