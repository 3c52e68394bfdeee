"""The routes of A1111's options and flags."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from service.api.deps import ServicesDep
from service.compat.a1111.deps import DeskDep
from service.compat.a1111.errors import A1111Route
from service.compat.a1111.options import changed, shown

router = APIRouter(prefix="/sdapi/v1", tags=["A1111: options"], route_class=A1111Route)
NOTES_HEADER = "X-Spellwright-Notes"


@router.get("/options")
async def read_options(services: ServicesDep, desk: DeskDep) -> dict[str, Any]:
    """Every option with its value for this caller."""
    info = await services.catalogue.checkpoint(desk.options.sd_model_checkpoint)
    return shown(desk.options, info.title, info.sha256)


@router.post("/options")
async def set_options(body: dict[str, Any], services: ServicesDep, desk: DeskDep) -> Response:
    """Set options for this caller's later calls; what cannot be set is told in the header `X-Spellwright-Notes`."""
    options, notes = changed(desk.options, body)
    if options.sd_model_checkpoint is not None:
        await services.catalogue.checkpoint(options.sd_model_checkpoint)
    desk.options = options
    headers = {NOTES_HEADER: _header_text(" ".join(notes))} if notes else {}
    return JSONResponse(None, headers=headers)


@router.get("/cmd-flags")
async def read_flags(services: ServicesDep) -> dict[str, Any]:
    """The command-line flags as A1111 names them; paths are not told."""
    settings = services.settings
    return {
        "api": True,
        "nowebui": False,
        "listen": not settings.is_loopback,
        "port": settings.port,
        "share": False,
        "enable_insecure_extension_access": False,
        "disable_safe_unpickle": False,
        "api_server_stop": False,
        "device_id": settings.device,
    }


def _header_text(text: str) -> str:
    """As much of `text` as a header holds: a key that somebody sent may have line ends in it."""
    return "".join(c if " " <= c <= "~" else "?" for c in text[:2000])
