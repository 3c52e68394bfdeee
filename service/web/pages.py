"""Serves the page, its files and the readable API description."""

from __future__ import annotations

import re
from pathlib import Path

from fastapi import APIRouter, Request, Response

from service.errors import NotFound
from service.web.assets import Asset, Assets

STATIC = Path(__file__).parent / "static"
FRESH = "no-cache"
FOR_GOOD = "public, max-age=31536000, immutable"
METHODS = ["GET", "HEAD"]
VERSION = re.compile(r"[0-9a-f]{12}")


def page_router(assets: Assets) -> APIRouter:
    """The routes of the page; none of them is part of the API's description."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/", methods=METHODS)
    async def page(request: Request) -> Response:
        return _answer(request, assets.find("index.html"), FRESH)

    @router.api_route("/docs", methods=METHODS)
    async def docs(request: Request) -> Response:
        return _answer(request, assets.find("docs.html"), FRESH)

    @router.api_route("/favicon.ico", methods=METHODS)
    async def favicon(request: Request) -> Response:
        return _answer(request, assets.find("mark.svg"), FRESH)

    @router.api_route("/static/{path:path}", methods=METHODS)
    async def static(request: Request, path: str) -> Response:
        version, _, name = path.partition("/")
        if version == assets.version:
            return _answer(request, assets.find(name), FOR_GOOD)
        if VERSION.fullmatch(version):  # a page that was open while the server was replaced
            return _answer(request, assets.find(name), FRESH)
        return _answer(request, assets.find(path), FRESH)

    return router


def _answer(request: Request, asset: Asset | None, caching: str) -> Response:
    """The file, compressed where the client can read it; 304 when it has it already.

    Raises:
        NotFound: There is no such file.
    """
    if asset is None:
        raise NotFound
    headers = {"Cache-Control": caching, "ETag": asset.etag, "Vary": "Accept-Encoding"}
    known = request.headers.get("if-none-match", "")
    if asset.etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    body = asset.body
    if asset.gzipped is not None and _takes_gzip(request.headers.get("accept-encoding", "")):
        body, headers["Content-Encoding"] = asset.gzipped, "gzip"
    return Response(body, media_type=asset.media_type, headers=headers)


def _takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header names gzip without `q=0`."""
    for part in accepted.split(","):
        name, _, quality = part.partition(";")
        if name.strip().casefold() in ("gzip", "*"):
            value = quality.strip().removeprefix("q=")
            return value not in ("0", "0.0", "0.00", "0.000")
    return False
