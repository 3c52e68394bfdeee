"""Errors in the shape of OpenAI: `{"error": {message, type, param, code}}`."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from prompts.errors import SpellwrightError
from service.api.problems import request_id_of, status_of
from service.policy import PolicyBlocked

log = logging.getLogger(__name__)
TYPES = MappingProxyType(
    {
        401: "authentication_error",
        403: "permission_error",
        404: "invalid_request_error",
        409: "conflict_error",
        429: "rate_limit_error",
    }
)


class OpenAIRoute(APIRoute):
    """A route whose errors have OpenAI's shape."""

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
        first = invalid.errors()[0]
        field = ".".join(str(part) for part in first["loc"] if part != "body") or None
        return answer_of(400, f"{field or 'The body'} cannot be used: {first['msg']}.", "request_invalid", field)
    except SpellwrightError as failed:
        return _ours(request, failed)
    except HTTPException as failed:
        if isinstance(failed.__cause__, SpellwrightError):
            return _ours(request, failed.__cause__)
        return answer_of(failed.status_code, str(failed.detail), "http_error")


def _ours(request: Request, error: SpellwrightError) -> Response:
    status = openai_status(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("action=request outcome=%s request=%s", error.stable_code, request_id_of(request), exc_info=error)
    answer = _json(status, error_body(error))
    if status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = "Bearer"
    if "retry_after" in error.facts:
        answer.headers["Retry-After"] = str(error.facts["retry_after"])
    return answer


def openai_status(error: SpellwrightError) -> int:
    """The status: OpenAI answers 400 where the native API answers 413, 415 or 422."""
    status = status_of(error)
    return 400 if status in (413, 415, 422) else status


def error_body(error: SpellwrightError) -> dict[str, Any]:
    """The document for one of our errors."""
    code = "content_policy_violation" if isinstance(error, PolicyBlocked) else error.stable_code
    field = error.facts.get("field")
    return _body(openai_status(error), error.detail, code, field if isinstance(field, str) else None)


def answer_of(status: int, message: str, code: str, param: str | None = None) -> Response:
    """An error answer."""
    return _json(status, _body(status, message, code, param))


def _body(status: int, message: str, code: str, param: str | None) -> dict[str, Any]:
    kind = TYPES.get(status, "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _json(status: int, body: object) -> Response:
    text = json.dumps(body, ensure_ascii=False, default=str)
    return Response(text.encode("utf-8", "replace"), status, media_type="application/json")
