"""A stored spell: a tree of versions, each made from its parent by somebody, and the chat that led there."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from prompts.spell import Spell


class Author(StrEnum):
    """Who or what made a version."""

    IDEA = "idea"
    """Expanded from a sentence."""
    PHOTO = "photo"
    """Measured from a picture without a spell of its own."""
    METADATA = "metadata"
    """Read, exactly, from a picture that carried its spell."""
    CHAT = "chat"
    EDIT = "edit"
    """Written by hand."""
    HANDS = "hands"
    """The hand plan was applied."""


@dataclass(frozen=True, slots=True)
class SpellVersion:
    """One version of a spell; never changed after it is stored."""

    spell_id: str
    number: int
    """Rises by one from 1 in each spell."""
    parent: int | None
    """The version this was made from; `None` for the first."""
    author: Author
    spell: Spell
    created_at: datetime
    note: str = ""
    """One line for the version list."""
    idea: str | None = None
    """The person's own words, in their language, when there were any."""
    details: dict[str, Any] = field(default_factory=dict)
    """How it came about: who answered, notes, edits, evidence; JSON-able."""
    person: str = ""
    """The name of the key it was made with; empty on a machine without keys."""


@dataclass(frozen=True, slots=True)
class ChatTurn:
    """One message and its answer."""

    spell_id: str
    number: int
    """Rises by one from 1 in each spell."""
    message: str
    reply: str
    by: str
    """`llm` or `offline`."""
    version: int
    """The version that came out; the parent's when nothing was changed."""
    created_at: datetime
    person: str = ""
    """Who said it: the name of their key; empty on a machine without keys."""


@dataclass(frozen=True, slots=True)
class SpellSummary:
    """One line of the spell list."""

    spell_id: str
    head: int
    """Number of the newest version."""
    title: str
    """The idea, or the beginning of the prompt."""
    created_at: datetime
    updated_at: datetime
