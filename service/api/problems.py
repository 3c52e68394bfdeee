"""The one JSON error shape (RFC 9457 `application/problem+json`) and the one table of status codes."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from generator import errors as generator_errors
from prompts import errors as prompts_errors
from prompts.errors import SpellwrightError
from service import errors as service_errors
from service.policy import PolicyBlocked

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
CHALLENGE = 'Bearer realm="Spellwright"'  # not Basic: a browser would ask in a window of its own, over the page
log = logging.getLogger(__name__)

STATUS_OF_CODE: dict[str, int] = {
    "json_invalid": 400,
    "base64_invalid": 400,
    "image_too_many_pixels": 413,
    "image_too_large": 413,
    "metadata_too_large": 413,
    "image_format_not_allowed": 415,
    "pickle_refused": 415,
    "remote_failed": 502,
    "remote_invalid": 502,
}
"""Codes whose status differs from their class's."""

STATUS_OF_CLASS: dict[type[SpellwrightError], int] = {
    service_errors.NotFound: 404,
    service_errors.BlobMissing: 410,
    service_errors.Conflict: 409,
    service_errors.RequestInvalid: 422,
    service_errors.MediaTypeRefused: 415,
    service_errors.BodyTooLarge: 413,
    service_errors.BodyTimeout: 408,
    service_errors.HostNotAllowed: 421,
    service_errors.OriginRejected: 403,
    service_errors.UrlNotAllowed: 422,
    service_errors.OutboundFailed: 502,
    service_errors.KeyRefused: 401,
    service_errors.KeyRequired: 403,
    service_errors.ScopeMissing: 403,
    service_errors.CredentialsUnclear: 400,
    service_errors.RateLimited: 429,
    service_errors.TooManyJobs: 429,
    service_errors.TooManyStreams: 429,
    service_errors.IdempotencyReused: 422,
    service_errors.IdempotencyInFlight: 409,
    service_errors.StaleAttempt: 409,
    service_errors.Draining: 503,
    service_errors.DatabaseUnavailable: 503,
    service_errors.EngineUnavailable: 503,
    service_errors.DiskFull: 507,
    service_errors.ServiceError: 500,
    PolicyBlocked: 422,
    prompts_errors.PromptError: 422,
    prompts_errors.PictureError: 422,
    prompts_errors.ClipModelMissing: 503,
    prompts_errors.InterrogationError: 500,
    prompts_errors.ChatModelTimeout: 504,
    prompts_errors.ChatModelBudgetSpent: 429,
    prompts_errors.ChatModelError: 502,
    generator_errors.CheckpointNotFound: 422,
    generator_errors.LoraNotFound: 422,
    generator_errors.LoraIncompatible: 422,
    generator_errors.ModelRefused: 422,
    generator_errors.UnsupportedSpell: 422,
    generator_errors.ModelMissing: 503,
    generator_errors.OutOfMemory: 507,
    generator_errors.QueueFull: 429,
    generator_errors.DownloadFailed: 502,
    generator_errors.GeneratorError: 500,
    SpellwrightError: 500,
}
"""The status of a class; a class that is not listed takes its nearest ancestor's."""

CODE_OF_STATUS = {400: "request_invalid", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


def status_of(error: SpellwrightError) -> int:
    """The HTTP status of an error."""
    if error.stable_code in STATUS_OF_CODE:
        return STATUS_OF_CODE[error.stable_code]
    return next(STATUS_OF_CLASS[cls] for cls in type(error).__mro__ if cls in STATUS_OF_CLASS)


def problem(error: SpellwrightError, request_id: str) -> Response:
    """The response for one of our errors."""
    return problem_response(status_of(error), error.stable_code, error.detail, request_id, error.facts)


def problem_response(
    status: int, code: str, detail: str, request_id: str, facts: dict[str, Any] | None = None
) -> Response:
    """A problem document; facts named like its own members are left out."""
    body = {
        "type": f"urn:spellwright:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": request_id,
    }
    extra = {key: value for key, value in (facts or {}).items() if key not in body}
    headers = {}
    if status in (429, 503, 507):
        headers["Retry-After"] = str((facts or {}).get("retry_after", RETRY_SECONDS))
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = CHALLENGE
    if status in (408, 413):  # the rest of the body is not waited for
        headers["Connection"] = "close"
    text = json.dumps(body | extra, ensure_ascii=False, default=str, allow_nan=False)
    # A fact may repeat what somebody sent, half a surrogate pair included.
    return Response(text.encode("utf-8", "replace"), status, headers, MEDIA_TYPE)


def request_id_of(request: Request) -> str:
    """The id that the guard gave this request."""
    return str(request.scope.get("state", {}).get("request_id", ""))


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""
    app.add_exception_handler(SpellwrightError, _ours)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)


async def _ours(request: Request, error: Exception) -> Response:
    if not isinstance(error, SpellwrightError):
        raise error
    if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("action=request outcome=%s request=%s", error.stable_code, request_id_of(request), exc_info=error)
    return problem(error, request_id_of(request))


async def _validation(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        reason = first.get("ctx", {}).get("error", "not JSON")
        place = first["loc"][-1]
        detail = f"The request body is not valid JSON: {reason} at character {place}."
        return problem_response(400, "json_invalid", detail, request_id_of(request), {"position": place})
    field = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
    detail = f"Field {field} cannot be used: {first['msg']}."
    facts = {"field": field, "errors": [_plain(item) for item in error.errors()[:20]]}
    return problem_response(422, "request_invalid", detail, request_id_of(request), facts)


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    # FastAPI wraps whatever goes wrong while a body is read; the cause is the real error.
    if isinstance(error.__cause__, SpellwrightError):
        return problem(error.__cause__, request_id_of(request))
    if error.status_code == HTTPStatus.BAD_REQUEST:
        detail = "The request body cannot be read. Send JSON, or multipart/form-data where a file is taken."
    elif error.status_code == HTTPStatus.NOT_FOUND:
        detail = "Nothing with this id here."
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"This address does not take {request.method[:16]}."
    else:
        detail = f"{HTTPStatus(error.status_code).phrase}."
    code = CODE_OF_STATUS.get(error.status_code, "http_error")
    response = problem_response(error.status_code, code, detail, request_id_of(request))
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    # Without `input`: what was sent may be large, or a secret.
    return {"field": ".".join(str(part) for part in item["loc"]), "type": item["type"], "message": item["msg"]}
