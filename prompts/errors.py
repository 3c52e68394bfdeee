"""The root of every error this product raises on purpose, and the tree of the `prompts` package.

    SpellwrightError                 one shape: a stable code, a sentence, facts
    ├── PromptError                  anything about a spell's text or values
    │   ├── PromptTooLong            prompt_too_long
    │   ├── PromptEmpty              idea_empty
    │   ├── SpellOutOfRange          spell_out_of_range
    │   ├── UnknownName              sampler_not_found, schedule_type_not_found, upscaler_not_found
    │   ├── EditError                edit_invalid
    │   └── MetadataError            metadata_invalid, metadata_too_large
    ├── PictureError                 image_* (what arrived is not a usable picture)
    ├── InterrogationError           interrogation_failed
    │   └── ClipModelMissing         clip_model_missing
    └── ChatModelError               llm_*
        ├── ChatModelUnreachable     llm_unreachable
        ├── ChatModelTimeout         llm_timeout
        ├── ChatModelBudgetSpent     llm_budget_spent
        └── ChatModelInvalidOutput   llm_invalid_output

`generator.errors` and `service.errors` grow their own branches on the same root.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class SpellwrightError(Exception):
    """What went wrong, in one sentence that says what to do next.

    Args:
        detail: The sentence for a person. No paths, keys or stack traces.
        facts: Machine-readable values (`limit`, `got`, `field`, `near`, …); JSON-able.
    """

    code: ClassVar[str] = "error"
    """Stable, snake_case; part of the API."""

    def __init__(self, detail: str, **facts: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts
        self.code_override: str | None = None

    @property
    def stable_code(self) -> str:
        """The code to show: the class's, or a narrower one given by `with_code`."""
        return self.code_override or self.code

    def with_code(self, code: str) -> SpellwrightError:
        """Narrow the code of this one error (same class, same handling); returns itself."""
        self.code_override = code
        return self


class PromptError(SpellwrightError):
    """A spell's text or values cannot be used."""

    code = "prompt_invalid"


class PromptTooLong(PromptError):
    """More characters than the limit; nothing was cut."""

    code = "prompt_too_long"


class PromptEmpty(PromptError):
    """An idea or message without any text."""

    code = "idea_empty"


class SpellOutOfRange(PromptError):
    """A number of the spell is outside what the product makes; `field` names it."""

    code = "spell_out_of_range"


class UnknownName(PromptError):
    """A sampler, schedule type or upscaler that nobody here knows; `near` holds close names."""

    code = "name_not_found"


class EditError(PromptError):
    """A typed edit that does not fit the spell it should change."""

    code = "edit_invalid"


class MetadataError(PromptError):
    """Text or container metadata that cannot be read or written."""

    code = "metadata_invalid"


class PictureError(SpellwrightError):
    """The bytes are not a picture this product accepts."""

    code = "image_invalid"


class InterrogationError(SpellwrightError):
    """A photo could not be turned into terms."""

    code = "interrogation_failed"


class ClipModelMissing(InterrogationError):
    """The CLIP or caption model is not on this machine; the detail says which file goes where."""

    code = "clip_model_missing"


class ChatModelError(SpellwrightError):
    """The language model gave nothing usable; the user's draft is kept."""

    code = "llm_failed"


class ChatModelUnreachable(ChatModelError):
    """No connection, refused key, or a 4xx/5xx of the language model's server."""

    code = "llm_unreachable"


class ChatModelTimeout(ChatModelError):
    """The language model did not answer in time."""

    code = "llm_timeout"


class ChatModelBudgetSpent(ChatModelError):
    """The request or the tenant's day has no tokens left for the language model; `got` of `limit`."""

    code = "llm_budget_spent"


class ChatModelInvalidOutput(ChatModelError):
    """The answer was not what was asked for, twice."""

    code = "llm_invalid_output"


def near_names(name: str, known: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """Known names close to `name`, best first, ignoring case; empty when nothing is close."""
    by_fold = {k.casefold(): k for k in known}
    close = get_close_matches(name.casefold(), by_fold, n=limit, cutoff=0.5)
    return tuple(by_fold[c] for c in close)


def near_hint(near: Iterable[str]) -> str:
    """` Near: a, b.` for the end of a sentence, or an empty string."""
    names = ", ".join(near)
    return f" Near: {names}." if names else ""
