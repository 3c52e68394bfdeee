"""Errors in the shape that A1111's clients read: `{error, detail, body, errors}`; a bad field is FastAPI's list."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from prompts.errors import SpellwrightError
from service.api.problems import request_id_of, status_of

MEDIA_TYPE = "application/json"
log = logging.getLogger(__name__)


class Refused(Exception):
    """One of A1111's own refusals, with the status and sentence its clients know."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class A1111Route(APIRoute):
    """A route whose errors have A1111's shape."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with errors turned into answers."""
        handler = super().get_route_handler()

        async def handled(request: Request) -> Response:
            return await _answered(handler, request)

        return handled


async def _answered(handler: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
    try:
        return await handler(request)
    except RequestValidationError as invalid:
        return _json(422, {"detail": [_place(item) for item in invalid.errors()[:20]]})
    except Refused as refused:
        return error_answer(refused.status, "HTTPException", refused.detail)
    except SpellwrightError as failed:
        return _ours(request, failed)
    except HTTPException as failed:
        # FastAPI wraps whatever goes wrong while a body is read; the cause is the real error.
        if isinstance(failed.__cause__, SpellwrightError):
            return _ours(request, failed.__cause__)
        return error_answer(failed.status_code, "HTTPException", str(failed.detail))


def error_answer(status: int, error: str, detail: str, facts: dict[str, Any] | None = None) -> Response:
    """A1111's error document; `facts` are ours and come behind it."""
    body = {"error": error, "detail": detail, "body": "", "errors": detail}
    return _json(status, body | {key: value for key, value in (facts or {}).items() if key not in body})


def _ours(request: Request, error: SpellwrightError) -> Response:
    status = status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("action=request outcome=%s request=%s", error.stable_code, request_id_of(request), exc_info=error)
    facts = {"code": error.stable_code, "request_id": request_id_of(request), **error.facts}
    answer = error_answer(status, type(error).__name__, error.detail, facts)
    if status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = "Basic"
    if "retry_after" in error.facts:
        answer.headers["Retry-After"] = str(error.facts["retry_after"])
    return answer


def _json(status: int, body: object) -> Response:
    text = json.dumps(body, ensure_ascii=False, default=str)
    return Response(text.encode("utf-8", "replace"), status, media_type=MEDIA_TYPE)


def _place(item: dict[str, Any]) -> dict[str, Any]:
    # Without `input`: what was sent may be large, or a secret.
    return {"loc": list(item["loc"]), "msg": item["msg"], "type": item["type"]}
