"""Errors in the shape that A1111's clients read: `{error, detail, body, errors}`; a bad field is FastAPI's list."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from prompts.errors import SpellwrightError
from service.api.problems import request_id_of, status_of
from service.compat.door_route import DoorRoute, json_answer


class A1111Route(DoorRoute):
    """A route whose errors have A1111's shape."""

    challenge = "Basic"

    def of_fields(self, invalid: RequestValidationError) -> Response:
        """FastAPI's own list of wrong fields."""
        return json_answer(422, {"detail": [_place(item) for item in invalid.errors()[:20]]})

    def of_status(self, status: int, detail: str) -> Response:
        """A1111's error document of a plain refusal."""
        return error_answer(status, "HTTPException", detail)

    def of_error(self, request: Request, error: SpellwrightError) -> Response:
        """A1111's error document with our code and facts behind it."""
        facts = {"code": error.stable_code, "request_id": request_id_of(request), **error.facts}
        return error_answer(status_of(error), type(error).__name__, error.detail, facts)


def error_answer(status: int, error: str, detail: str, facts: dict[str, Any] | None = None) -> Response:
    """A1111's error document; `facts` are ours and come behind it."""
    body = {"error": error, "detail": detail, "body": "", "errors": detail}
    return json_answer(status, body | {key: value for key, value in (facts or {}).items() if key not in body})


def _place(item: dict[str, Any]) -> dict[str, Any]:
    # Without `input`: what was sent may be large, or a secret.
    return {"loc": list(item["loc"]), "msg": item["msg"], "type": item["type"]}
