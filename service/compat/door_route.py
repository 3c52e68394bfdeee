"""A route of a door whose clients read errors in another shape than ours."""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from prompts.errors import SpellwrightError
from service.api.problems import request_id_of

log = logging.getLogger(__name__)


class Refused(Exception):
    """A refusal of the door's own, with the status and sentence that its clients know."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class DoorRoute(APIRoute, ABC):
    """Turns whatever goes wrong into an answer of the door; a door's own route says how each kind looks."""

    challenge: ClassVar[str]
    """`WWW-Authenticate` of an answer 401."""

    @abstractmethod
    def of_fields(self, invalid: RequestValidationError) -> Response:
        """The answer to fields that are missing or wrong."""

    @abstractmethod
    def of_status(self, status: int, detail: str) -> Response:
        """The answer to a refusal that has only a status and a sentence."""

    @abstractmethod
    def of_error(self, request: Request, error: SpellwrightError) -> Response:
        """The answer to one of our errors."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with errors turned into answers."""
        handler = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handler(request)
            except RequestValidationError as invalid:
                return self.of_fields(invalid)
            except Refused as refused:
                return self.of_status(refused.status, refused.detail)
            except SpellwrightError as failed:
                return self._told(request, failed)
            except HTTPException as failed:
                # FastAPI wraps whatever goes wrong while a body is read; the cause is the real error.
                if isinstance(failed.__cause__, SpellwrightError):
                    return self._told(request, failed.__cause__)
                return self.of_status(failed.status_code, str(failed.detail))

        return handled

    def _told(self, request: Request, error: SpellwrightError) -> Response:
        answer = self.of_error(request, error)
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("action=request outcome=%s request=%s", error.stable_code, request_id_of(request), exc_info=error)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            answer.headers["WWW-Authenticate"] = self.challenge
        if "retry_after" in error.facts:
            answer.headers["Retry-After"] = str(error.facts["retry_after"])
        return answer


def json_answer(status: int, body: object) -> Response:
    """`body` as JSON; values that JSON does not know are written as text."""
    text = json.dumps(body, ensure_ascii=False, default=str)
    return Response(text.encode("utf-8", "replace"), status, media_type="application/json")
