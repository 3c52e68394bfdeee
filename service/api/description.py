"""The API's own description."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from service.api.examples import with_examples

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
@router.head("/openapi.json")
async def describe(request: Request) -> JSONResponse:
    """The OpenAPI description of every route."""
    description: dict[str, Any] = request.app.openapi()
    return JSONResponse(with_examples(description))
