"""Reads a picture out of a request: multipart with a part `file`, or JSON with `image_base64`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from prompts.pictures import base64_picture
from service.errors import RequestInvalid

MAX_FILES, MAX_FIELDS, MAX_FIELD_BYTES = 4, 32, 64 * 1024
JSON_FIELDS = ("overrides",)
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Received:
    """A request body with at most one picture."""

    fields: dict[str, Any]
    """Everything but the picture."""
    picture: bytes | None


async def receive(request: Request) -> Received:
    """The body, in either shape.

    Raises:
        RequestInvalid: code `json_invalid` or `multipart_invalid`.
        PictureError: code `base64_invalid`.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    return await (_multipart(request) if media_type == "multipart/form-data" else _json(request))


def fields_as(model: type[Model], fields: dict[str, Any]) -> Model:
    """The fields as a request model.

    Raises:
        RequestInvalid: The first field that does not fit.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as invalid:
        first = invalid.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "body"
        raise RequestInvalid(f"Field {field} cannot be used: {first['msg']}.", field=field) from invalid


def required(picture: bytes | None) -> bytes:
    """The picture.

    Raises:
        RequestInvalid: There is none.
    """
    if picture is None:
        raise RequestInvalid(
            "There is no picture in this request. Send it as the multipart part file, or as image_base64 in JSON.",
            field="file",
        ).with_code("image_missing")
    return picture


async def _multipart(request: Request) -> Received:
    try:
        form = await request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES)
    except HTTPException as broken:
        # Starlette's word for every fault of a form.
        raise RequestInvalid(f"The form cannot be read: {broken.detail}").with_code("multipart_invalid") from broken
    fields: dict[str, Any] = {}
    picture = None
    try:
        for name, value in form.multi_items():
            if not isinstance(value, UploadFile):
                fields[name] = _parsed(value, name) if name in JSON_FIELDS else value
            elif name == "file" and picture is None:
                picture = await value.read()
            else:
                raise RequestInvalid(
                    f"The form has a file {name[:40]!r} too many; send one part file.", field=name[:40]
                )
    finally:
        await form.close()
    return Received(fields, picture)


async def _json(request: Request) -> Received:
    body = await request.body()
    fields = await run_in_threadpool(_parsed, body, "body")
    if not isinstance(fields, dict):
        raise RequestInvalid("The request body is not a JSON object.").with_code("json_invalid")
    encoded = fields.pop("image_base64", None)
    if encoded is None:
        return Received(fields, None)
    if not isinstance(encoded, str):
        raise RequestInvalid("Field image_base64 must be text.", field="image_base64")
    return Received(fields, await run_in_threadpool(base64_picture, encoded))


def _parsed(text: str | bytes, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as broken:
        reason = str(broken) if isinstance(broken, json.JSONDecodeError) else "not readable"
        error = RequestInvalid(f"The {name} is not valid JSON: {reason}.", field=name)
        error.with_code("json_invalid")
        raise error from broken
