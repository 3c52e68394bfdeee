"""What goes in: the request bodies of the native API."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from prompts.limits import IDEA_CHARACTERS, PROMPT_CHARACTERS
from service.spell_json import ParamsModel, SpellModel

MAX_VERSION = 2**31 - 1
BASE64_DOC = "Base64 or data URL of a PNG, JPEG or WebP."


class Body(BaseModel):
    """Unknown fields are errors: a misspelt one must not be ignored silently."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class InterrogationIn(Body):
    """A photo in JSON; as multipart/form-data send the part `file` and the field `mode`."""

    image_base64: str = Field(description=BASE64_DOC)
    mode: str = Field(default="fast", max_length=40, description="fast, classic, best, negative or tags.")


class InspectIn(Body):
    """A picture in JSON; as multipart/form-data send the part `file`."""

    image_base64: str = Field(description=BASE64_DOC)


class SpellCreateIn(Body):
    """Either an idea to expand or a spell to keep."""

    idea: str | None = Field(
        default=None,
        description=f"A sentence in any language, up to {IDEA_CHARACTERS} characters.",
        examples=["雨夜的猫"],
    )
    spell: SpellModel | None = None
    note: str = Field(default="", max_length=500)
    checkpoint: str | None = Field(default=None, max_length=256, description="Write the prompt for this checkpoint.")
    seed: int = Field(default=0, ge=0, lt=2**32, description="Varies the offline expander's choices.")
    offline: bool = Field(default=False, description="Do without the language model although one is configured.")


class SpellEditIn(Body):
    """A version edited by hand."""

    spell: SpellModel
    parent: int = Field(ge=1, le=MAX_VERSION, description="The newest version.")
    base: int | None = Field(
        default=None,
        ge=1,
        le=MAX_VERSION,
        description="The version that was edited, when it is an older one: a branch.",
    )
    locked: list[Annotated[str, Field(min_length=1, max_length=PROMPT_CHARACTERS)]] | None = Field(
        default=None, max_length=64, description="Phrases that the chat must keep; unset: as before."
    )
    note: str = Field(default="", max_length=500)


class ChatIn(Body):
    """One chat message."""

    message: str = Field(description="In any language.", examples=["make it night, and less crowded"])
    parent: int | None = Field(
        default=None, ge=1, le=MAX_VERSION, description="The version you look at; unset takes the newest."
    )
    offline: bool = False


class HandsIn(Body):
    """What to do with the hand plan."""

    apply: bool = Field(default=False, description="Store the plan as the next version.")
    parent: int | None = Field(default=None, ge=1, le=MAX_VERSION)


class OverridesModel(ParamsModel):
    """Parameters for this job only; unset ones stay the spell's. See `ParamsModel` for the fields."""

    def given(self) -> dict[str, Any]:
        """The fields that were sent, also those sent as null."""
        return {name: self.model_dump()[name] for name in self.model_fields_set}


class JobIn(Body):
    """Pictures to draw: of a stored spell (`spell_id`, `version`) or of one sent along (`spell`)."""

    spell: SpellModel | None = None
    spell_id: str | None = Field(default=None, max_length=26)
    version: int | None = Field(default=None, ge=1, le=MAX_VERSION, description="Unset takes the newest.")
    count: int = Field(default=1, ge=1, description="Pictures; the n-th gets seed + n.")
    overrides: OverridesModel = OverridesModel()


class GenerateIn(Body):
    """One call for everything: an idea or a photo becomes a spell and a picture job."""

    idea: str | None = None
    image_base64: str | None = Field(default=None, description=BASE64_DOC)
    mode: str = Field(default="fast", max_length=40)
    checkpoint: str | None = Field(default=None, max_length=256)
    count: int = Field(default=1, ge=1)
    overrides: OverridesModel = OverridesModel()
    offline: bool = False

    @field_validator("overrides", mode="before")
    @classmethod
    def _no_overrides(cls, value: object) -> object:
        return {} if value is None else value
