"""What in a request says how a photo is to be read: for which model, with which words, how long."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from prompts.interrogation import TARGETS, TermFilter, Wishes, target_named
from prompts.interrogation.wishes import MAX_TOKENS

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
