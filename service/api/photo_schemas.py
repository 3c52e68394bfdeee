"""What goes in where a photo is read, and in a round trip."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from service.api.schemas import BASE64_DOC, OverridesModel
from service.api.wishes_schemas import WishesIn


class InterrogationIn(WishesIn):
    """A photo in JSON; as multipart/form-data send the part `file` and the other fields as text."""

    image_base64: str = Field(description=BASE64_DOC)


class RoundTripIn(WishesIn):
    """A photo, how to read it and how to draw its spell; as multipart/form-data send the part `file`."""

    image_base64: str = Field(default="", description=BASE64_DOC)
    overrides: OverridesModel = Field(
        default=OverridesModel(), description="Parameters of the drawn picture; in a form, JSON."
    )
    apply: bool = Field(default=False, description="Store the proposed spell as the next version.")


def picture_body(model: type[BaseModel]) -> dict[str, Any]:
    """OpenAPI's description of a body that is either JSON or a form with a file."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    form = {"file": {"type": "string", "format": "binary"}}
    form |= form_fields(schema)
    content = {
        "application/json": {"schema": schema},
        "multipart/form-data": {"schema": {"type": "object", "properties": form, "required": ["file"]}},
    }
    return {"requestBody": {"required": True, "content": content}}


def form_fields(schema: dict[str, Any]) -> dict[str, Any]:
    """The properties of a body's schema as a form has them; the picture is a part of its own."""
    return {name: _form_field(field) for name, field in schema["properties"].items() if name != "image_base64"}


def _form_field(field: dict[str, Any]) -> dict[str, Any]:
    """A list or an object is text in a form."""
    if field.get("type") in ("string", "boolean", "integer"):
        return field
    return {"type": "string"} | {key: field[key] for key in ("description",) if key in field}
