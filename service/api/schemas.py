"""What goes in: the request bodies of the native API."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from prompts.hands import ActionKind
from prompts.limits import IDEA_CHARACTERS, PROMPT_CHARACTERS
from service.api.hands_schemas import HandRepairIn
from service.api.img2img_schemas import Img2ImgIn
from service.api.wishes_schemas import WishesIn
from service.hand_choice import HandChoice, choice_of
from service.spell_json import ParamsModel, SpellModel

MAX_VERSION = 2**31 - 1
BASE64_DOC = "Base64 or data URL of a PNG, JPEG or WebP."
HANDS_DOC = (
    "What to do about hands: true leaves it to the plan, false does nothing, a list names the strategies "
    "(hide, pose, negatives, seeds, repair)."
)
HandsWish = bool | list[ActionKind] | None
"""As HTTP has it; `None`: no choice was made."""


def hand_choice(wish: HandsWish) -> HandChoice | None:
    """The choice that a body's `hands` makes; `None` where it makes none."""
    if isinstance(wish, bool):
        return "auto" if wish else ()
    return None if wish is None else choice_of(wish)


class Body(BaseModel):
    """Unknown fields are errors: a misspelt one must not be ignored silently."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    hands: HandsWish = Field(default=None, description=HANDS_DOC + " For an idea only.")


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
    base: int | None = Field(
        default=None, ge=1, le=MAX_VERSION, description="Start from this version instead of the newest: a branch."
    )
    propose: bool = Field(default=False, description="Store nothing; show what would be done. Then accept its edits.")
    hands: HandsWish = Field(default=None, description=HANDS_DOC + " Holds for the turns after as well.")


class AcceptIn(Body):
    """Typed edits to store as the next version: a proposal's, or your own."""

    edits: list[dict[str, Any]] = Field(max_length=200, description="As a chat answer has them under `edits`.")
    parent: int = Field(ge=1, le=MAX_VERSION, description="The version you look at; it must be the newest.")
    base: int | None = Field(default=None, ge=1, le=MAX_VERSION, description="The version the edits are for.")
    note: str = Field(default="", max_length=200)
    hands: HandsWish = Field(default=None, description=HANDS_DOC)


class ReturnIn(Body):
    """Going back to an earlier version."""

    to: int | None = Field(
        default=None, ge=1, le=MAX_VERSION, description="Which version; unset undoes the newest one."
    )
    parent: int | None = Field(default=None, ge=1, le=MAX_VERSION, description="The version you look at.")


class HandsIn(Body):
    """What to do with the hand plan."""

    apply: bool = Field(default=False, description="Store the plan as the next version.")
    kinds: list[ActionKind] | None = Field(
        default=None, description="The strategies to use; unset those that are on, an empty list takes the plan out."
    )
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
    count: int | None = Field(
        default=None,
        ge=1,
        description="Pictures; the n-th gets seed + n. Unset: 1, or the several seeds chosen for the stored version.",
    )
    overrides: OverridesModel = OverridesModel()
    img2img: Img2ImgIn | None = Field(default=None, description="The picture to draw over; unset draws from nothing.")
    hand_repair: HandRepairIn | None = Field(
        default=None,
        description="Look at the hands of every picture and paint doubtful ones again; {} for defaults. Unset: as was "
        "chosen for the stored version; null: never.",
    )
    webhook_url: str | None = Field(
        default=None, max_length=2000, description="Told by a signed POST when the job is over, if the operator allows."
    )


class GenerateIn(WishesIn):
    """One call for everything: an idea or a photo becomes a spell and a picture job.

    The wishes (`mode` to `max_tokens`) are for photos; an idea has no use for them.
    """

    idea: str | None = None
    image_base64: str | None = Field(default=None, description=BASE64_DOC)
    checkpoint: str | None = Field(default=None, max_length=256)
    count: int = Field(default=1, ge=1)
    overrides: OverridesModel = OverridesModel()
    offline: bool = False
    hands: HandsWish = Field(default=None, description=HANDS_DOC)

    @field_validator("hands", mode="before")
    @classmethod
    def _strategies_of_a_form(cls, value: object) -> object:
        is_list = isinstance(value, str) and value.strip().startswith("[")
        return json.loads(str(value)) if is_list else value

    @field_validator("overrides", mode="before")
    @classmethod
    def _no_overrides(cls, value: object) -> object:
        return {} if value is None else value
