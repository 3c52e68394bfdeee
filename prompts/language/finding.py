"""One thing `lint` has to say about a spell."""

from __future__ import annotations

from dataclasses import dataclass

ERROR = "error"
"""Something will not work as written."""
WARNING = "warning"
"""It works, but probably not as meant."""
HINT = "hint"
"""It could be better."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A place in a spell, what is wrong there, and how to mend it."""

    code: str
    """Stable, snake_case; see `docs/prompt-language.md`."""
    field: str
    """One of `prompts.language.linting.FIELDS`."""
    start: int
    """First character of the place; for `loras` the LoRA's number from 0."""
    end: int
    """Behind the last character of the place."""
    message: str
    """What is wrong and what follows from it, for a person."""
    fix: str | None = None
    """Text to put in place of `start..end` (for `loras`: the right name); `None` when a person has to decide."""
    level: str = WARNING
    """`error`, `warning` or `hint`."""
