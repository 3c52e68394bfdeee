"""Typed edits: everything a chat turn may do to a spell. A model proposes them, `apply` performs them.

Edits work on phrases (see `prompts.expansion.phrases`), never on free text: weights, `BREAK`,
schedules, LoRA tags and locked phrases survive every edit that does not name them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ParamValue = str | int | float | bool | None

PARAM_NAMES: tuple[str, ...] = (
    "steps",
    "sampler",
    "schedule_type",
    "cfg_scale",
    "seed",
    "width",
    "height",
    "clip_skip",
    "checkpoint",
    "vae",
)
HIRES_NAMES: tuple[str, ...] = (
    "hires",
    "hires_upscale_by",
    "hires_steps",
    "hires_denoising_strength",
    "hires_upscaler",
)
"""`hires` itself takes true or false; the others switch the second pass on."""


@dataclass(frozen=True, slots=True)
class AddPhrase:
    """Put a phrase into the prompt; a phrase that is already there stays as it is."""

    phrase: str
    where: Literal["start", "end"] = "end"


@dataclass(frozen=True, slots=True)
class RemovePhrase:
    """Take a whole phrase out of the prompt."""

    phrase: str


@dataclass(frozen=True, slots=True)
class ReplacePhrase:
    """Write `new` where `old` stands; the weight of `old` stays."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Reweight:
    """Give a phrase a weight: 1 is plain, 1.2 stronger, 0.8 weaker."""

    phrase: str
    weight: float


@dataclass(frozen=True, slots=True)
class SetNegative:
    """Write a new negative prompt; an empty text clears it."""

    text: str


@dataclass(frozen=True, slots=True)
class AddNegative:
    """Put a phrase into the negative prompt."""

    phrase: str


@dataclass(frozen=True, slots=True)
class RemoveNegative:
    """Take a phrase out of the negative prompt."""

    phrase: str


@dataclass(frozen=True, slots=True)
class SetParam:
    """Set one parameter (`PARAM_NAMES`, `HIRES_NAMES`); `None` goes back to the default."""

    name: str
    value: ParamValue


@dataclass(frozen=True, slots=True)
class UseLora:
    """Use a LoRA, or change its weight when it is already used."""

    name: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class DropLora:
    """Stop using a LoRA."""

    name: str


@dataclass(frozen=True, slots=True)
class LockSpan:
    """Keep this phrase through all later turns; changes the conversation, not the spell."""

    phrase: str


@dataclass(frozen=True, slots=True)
class UnlockSpan:
    """Let later turns change this phrase again."""

    phrase: str


Edit = (
    AddPhrase
    | RemovePhrase
    | ReplacePhrase
    | Reweight
    | SetNegative
    | AddNegative
    | RemoveNegative
    | SetParam
    | UseLora
    | DropLora
    | LockSpan
    | UnlockSpan
)
