"""What routes are given: who calls, the use cases as that tenant has them, paging, and the Idempotency-Key.

Every router but the ones for health and static files hangs on `caller_of`; whatever reads or writes stored
things takes `ServicesDep`, which shows the caller's tenant and nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request

from service.api.credentials import is_direct, token_in
from service.audit import ACTOR, Actor
from service.auth.caller import LOCAL, Caller, Scope
from service.errors import NotFound, ScopeMissing
from service.ids import is_id
from service.services import Services

IDEMPOTENCY_DOC = "Any text of yours, up to 255 characters: the same key with the same request gives the same job."
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
CALLER = "caller"
"""Where a request's state keeps who sent it: asked once, before the body is read."""


async def all_services(request: Request) -> Services:
    """The use cases of this application, as this machine's own user has them."""
    return _started(request)


async def caller_of(request: Request) -> Caller:
    """Who sent the request; looking needs the scope `read`, everything else `generate`.

    Raises:
        KeyRefused, KeyRequired, RateLimited, CredentialsUnclear: See `Access.admit` and `token_in`.
        ScopeMissing: The key may not do this.
    """
    known = request.scope["state"].get(CALLER)
    if isinstance(known, Caller):  # the guard asked already, before it let the body in
        return known
    peer = None if request.client is None else request.client.host
    token = token_in(request.headers, (value for _, value in request.query_params.multi_items()))
    access = _started(request).access
    caller = await access.admit(token, peer or "local", is_direct=is_direct(request.headers, peer))
    checked = _checked(caller, Scope.READ if request.method in SAFE_METHODS else Scope.GENERATE)
    request.scope["state"][CALLER] = checked
    ACTOR.set(Actor(checked.key_id or LOCAL, checked.tenant, request.scope["state"].get("request_id", "")))
    return checked


CallerDep = Annotated[Caller, Depends(caller_of)]


def needs(scope: Scope) -> Callable[[Caller], Awaitable[Caller]]:
    """A dependency that lets only callers with `scope` pass."""

    async def check(caller: CallerDep) -> Caller:
        return _checked(caller, scope)

    return check


async def services_of(request: Request, caller: CallerDep) -> Services:
    """The use cases as the caller's tenant has them."""
    return _started(request).of(caller.tenant, caller.name)


async def existing_shape(item_id: Annotated[str, Path(alias="id", description="26-character id.")]) -> str:
    """An id of the right shape; anything else cannot exist.

    Raises:
        NotFound: Another shape.
    """
    if not is_id(item_id):
        raise NotFound
    return item_id


def _started(request: Request) -> Services:
    services = request.app.state.services
    if not isinstance(services, Services):
        raise TypeError("the application was not started by its lifespan")
    return services


def _checked(caller: Caller, scope: Scope) -> Caller:
    if not caller.may(scope):
        raise ScopeMissing(f"This key may not do this. It needs the scope {scope}.", scope=scope)
    return caller


ServicesDep = Annotated[Services, Depends(services_of)]
OpenServicesDep = Annotated[Services, Depends(all_services)]
AdminDep = Annotated[Caller, Depends(needs(Scope.ADMIN))]
IdDep = Annotated[str, Depends(existing_shape)]
Limit = Annotated[int, Query(ge=1, le=200, description="Most entries of one page.")]
Before = Annotated[str | None, Query(max_length=26, description="`next_before` of the page above.")]
IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255, description=IDEMPOTENCY_DOC)
]
