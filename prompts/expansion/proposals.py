"""The only shapes in which a language model may answer. Converted to domain types at once."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from prompts.errors import EditError
from prompts.expansion.edit_json import EDIT_KINDS, edit_from_json
from prompts.expansion.edits import Edit

_FIELDS_OF: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("add_phrase", ("phrase",)),
    ("remove_phrase", ("phrase",)),
    ("replace_phrase", ("old", "new")),
    ("reweight", ("phrase", "weight")),
    ("set_negative", ("text",)),
    ("add_negative", ("phrase",)),
    ("remove_negative", ("phrase",)),
    ("set_param", ("name", "value")),
    ("use_lora", ("name", "weight")),
    ("drop_lora", ("name",)),
    ("lock_span", ("phrase",)),
    ("unlock_span", ("phrase",)),
)


class LoraProposal(BaseModel):
    """A LoRA of the catalogue and its strength."""

    model_config = ConfigDict(allow_inf_nan=False)

    name: str = Field(max_length=200)
    weight: float = 0.8


class SpellProposal(BaseModel):
    """A prompt written for an idea."""

    prompt: str = Field(max_length=4000)
    negative_prompt: str = Field(default="", max_length=2000)
    loras: list[LoraProposal] = Field(default_factory=list, max_length=8)
    orientation: Literal["square", "portrait", "landscape"] = "square"
    notes: list[str] = Field(default_factory=list, max_length=8)


class EditProposal(BaseModel):
    """One edit; only the fields that its kind needs are read.

    Flat on purpose: small models fill a flat record more reliably than a union of twelve.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    kind: str = Field(json_schema_extra={"enum": list(EDIT_KINDS)})
    phrase: str | None = None
    old: str | None = None
    new: str | None = None
    text: str | None = None
    name: str | None = None
    value: str | float | bool | None = None
    weight: float | None = None

    def to_edit(self) -> Edit:
        """The typed edit.

        Raises:
            EditError: Unknown kind, or a field that the kind needs is missing.
        """
        needed = dict(_FIELDS_OF).get(self.kind, ())
        given: dict[str, Any] = {"kind": self.kind}
        for name in needed:
            value = getattr(self, name)
            if value is None and name != "value":
                if name == "weight" and self.kind == "use_lora":
                    continue
                raise EditError(f"{self.kind} needs {name!r}.", field=name)
            given[name] = _as_number(value) if name == "value" else value
        return edit_from_json(given)


class TurnProposal(BaseModel):
    """What a chat turn should do to the spell, and what to tell the person."""

    reply: str = Field(default="", max_length=4000)
    understood: bool = True
    base_version: int | None = None
    """1-based number of an earlier version to start from; `null` for the current one."""
    edits: list[EditProposal] = Field(default_factory=list, max_length=40)


def _as_number(value: object) -> object:
    """`"30"` -> 30: models often quote numbers; other texts stay as they are."""
    if not isinstance(value, str):
        return int(value) if isinstance(value, float) and value.is_integer() else value
    text = value.strip()
    if text.isascii() and text.lstrip("-").isdigit() and len(text) < 12:
        return int(text)
    head, dot, tail = text.partition(".")
    if dot and text.isascii() and head.lstrip("-").isdigit() and tail.isdigit() and len(text) < 24:
        return float(text)
    return value
