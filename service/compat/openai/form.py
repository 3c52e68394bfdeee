"""A multipart form with pictures under names of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from service.api.uploads import MAX_FIELD_BYTES, MAX_FIELDS
from service.errors import RequestInvalid

MAX_FILES = 16


@dataclass(slots=True)
class Form:
    """What arrived."""

    fields: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    """By name, `image[]` as `image`; of several with one name the first."""

    def picture(self, name: str) -> bytes:
        """The file of that name.

        Raises:
            RequestInvalid: code `image_missing`.
        """
        if name not in self.files:
            raise RequestInvalid(
                f"There is no file {name} in this form. Send it as multipart/form-data.", field=name
            ).with_code("image_missing")
        return self.files[name]


async def read_form(request: Request) -> Form:
    """The form of a request.

    Raises:
        RequestInvalid: code `multipart_invalid`.
    """
    try:
        form = await request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES)
    except HTTPException as broken:
        raise RequestInvalid(f"The form cannot be read: {broken.detail}").with_code("multipart_invalid") from broken
    received = Form()
    try:
        for name, value in form.multi_items():
            bare = name.removesuffix("[]")
            if isinstance(value, UploadFile):
                if bare not in received.files:
                    received.files[bare] = await value.read()
            else:
                received.fields[bare] = value
    finally:
        await form.close()
    return received
