"""Errors in the shape of OpenAI: `{"error": {message, type, param, code}}`."""

from __future__ import annotations

from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from prompts.errors import SpellwrightError
from service.api.problems import status_of
from service.compat.door_route import DoorRoute, json_answer
from service.policy import PolicyBlocked

TYPES = MappingProxyType(
    {
        401: "authentication_error",
        403: "permission_error",
        404: "invalid_request_error",
        409: "conflict_error",
        429: "rate_limit_error",
    }
)


class OpenAIRoute(DoorRoute):
    """A route whose errors have OpenAI's shape."""

    challenge = "Bearer"

    def of_fields(self, invalid: RequestValidationError) -> Response:
        """The first wrong field, as OpenAI names only one."""
        first = invalid.errors()[0]
        field = ".".join(str(part) for part in first["loc"] if part != "body") or None
        return answer_of(400, f"{field or 'The body'} cannot be used: {first['msg']}.", "request_invalid", field)

    def of_status(self, status: int, detail: str) -> Response:
        """A plain refusal."""
        return answer_of(status, detail, "http_error")

    def of_error(self, request: Request, error: SpellwrightError) -> Response:
        """One of our errors with its code."""
        return json_answer(openai_status(error), error_body(error))


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
    return json_answer(status, _body(status, message, code, param))


def _body(status: int, message: str, code: str, param: str | None) -> dict[str, Any]:
    kind = TYPES.get(status, "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
