"""What the A1111 routes are given."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from service.compat.a1111.desk import Desk, Desks
from service.compat.caller import tenant_of


def desk_of(request: Request) -> Desk:
    """The caller's desk."""
    desks: Desks = request.app.state.a1111_desks
    return desks.of(tenant_of(request))


DeskDep = Annotated[Desk, Depends(desk_of)]
