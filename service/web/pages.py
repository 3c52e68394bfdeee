"""Serves the page and the readable API description."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"
FRESH = {"Cache-Control": "no-cache"}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page() -> Response:
    """The page."""
    return FileResponse(STATIC / "index.html", headers=FRESH)


@router.get("/docs")
async def docs() -> Response:
    """The API, readable; drawn from `/openapi.json` in the browser."""
    return FileResponse(STATIC / "docs.html", headers=FRESH)


@router.get("/favicon.ico")
async def favicon() -> Response:
    """The mark in the browser's tab."""
    return FileResponse(STATIC / "mark.svg", media_type="image/svg+xml")


def static_files() -> StaticFiles:
    """The folder of scripts, styles and languages."""
    return StaticFiles(directory=STATIC)
