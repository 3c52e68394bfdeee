"""What the A1111 routes are given."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from service.api.deps import CallerDep
from service.compat.a1111.desk import Desk, Desks


async def desk_of(request: Request, caller: CallerDep) -> Desk:
    """The caller's desk: that of his tenant."""
    desks: Desks = request.app.state.a1111_desks
    return desks.of(caller.tenant)


DeskDep = Annotated[Desk, Depends(desk_of)]
