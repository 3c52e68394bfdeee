"""What goes in where a photo is read: what the words are for, which of them may be used, and the round trip."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from prompts.interrogation import TARGETS, TermFilter, Wishes, target_named
from prompts.interrogation.wishes import MAX_TOKENS
from service.api.schemas import BASE64_DOC, OverridesModel

MAX_BLOCKED, MAX_LISTS = 200, 50
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
ListName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class WishesIn(BaseModel):
    """How a photo is to be read. In a form, lists are text with commas between."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: str = Field(default="fast", max_length=40, description="fast, classic, best, negative or tags.")
    target: str = Field(
        default="tags",
        max_length=40,
        description=f"What the prompt is written for, a style or a model family: {', '.join(TARGETS)}.",
    )
    artists: bool = Field(default=True, description="False leaves out artists, also their names inside other terms.")
    brands: bool = Field(default=True, description="False leaves out sites (artstation, pixiv, ...).")
    blocked: list[Word] = Field(
        default=[], max_length=MAX_BLOCKED, description="Terms that contain one of these as whole words are left out."
    )
    lists: list[ListName] = Field(
        default=[],
        max_length=MAX_LISTS,
        description="Take terms from these lists alone: artists, flavors, mediums, movements, trendings, negative, or "
        "the names of the operator's own (the setting terms_dir). Empty takes all.",
    )
    max_tokens: int | None = Field(
        default=None,
        ge=MAX_TOKENS[0],
        le=MAX_TOKENS[1],
        description="Longest prompt in CLIP tokens, start and end included.",
    )

    @field_validator("blocked", "lists", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    def wishes(self) -> Wishes:
        """As the use cases have it.

        Raises:
            UnknownName: code `target_not_found`.
        """
        rules = TermFilter(self.artists, self.brands, frozenset(self.blocked), frozenset(self.lists))
        return Wishes(target_named(self.target), rules, self.max_tokens)


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
    form |= {name: _form_field(field) for name, field in schema["properties"].items() if name != "image_base64"}
    content = {
        "application/json": {"schema": schema},
        "multipart/form-data": {"schema": {"type": "object", "properties": form, "required": ["file"]}},
    }
    return {"requestBody": {"required": True, "content": content}}


def _form_field(field: dict[str, Any]) -> dict[str, Any]:
    """A list or an object is text in a form."""
    if field.get("type") in ("string", "boolean", "integer"):
        return field
    return {"type": "string"} | {key: field[key] for key in ("description",) if key in field}
