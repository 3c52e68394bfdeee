"""Whose request this is, as the guard found out."""

from __future__ import annotations

from fastapi import Request

from service.auth.caller import OWN_USER, Caller


def tenant_of(request: Request) -> str:
    """The tenant whose things the request sees; this machine's own user without keys."""
    caller = request.scope.get("state", {}).get("caller")
    return (caller if isinstance(caller, Caller) else OWN_USER).tenant
