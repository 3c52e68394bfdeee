"""What routes are given: the use cases, paging, and the Idempotency-Key."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request

from service.errors import NotFound
from service.ids import is_id
from service.services import Services

IDEMPOTENCY_DOC = "Any text of yours, up to 255 characters: the same key with the same request gives the same job."


def services_of(request: Request) -> Services:
    """The use cases of this application."""
    services = request.app.state.services
    if not isinstance(services, Services):
        raise TypeError("the application was not started by its lifespan")
    return services


def existing_shape(item_id: Annotated[str, Path(alias="id", description="26-character id.")]) -> str:
    """An id of the right shape; anything else cannot exist.

    Raises:
        NotFound: Another shape.
    """
    if not is_id(item_id):
        raise NotFound
    return item_id


ServicesDep = Annotated[Services, Depends(services_of)]
IdDep = Annotated[str, Depends(existing_shape)]
Limit = Annotated[int, Query(ge=1, le=200, description="Most entries of one page.")]
Before = Annotated[str | None, Query(max_length=26, description="`next_before` of the page above.")]
IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255, description=IDEMPOTENCY_DOC)
]
