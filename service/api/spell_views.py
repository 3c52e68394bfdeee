"""What comes out: the views of spells, their versions and chats of the native API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from prompts.metadata import format_infotext
from service.chat import TurnResult
from service.spell_json import SpellModel
from service.spells import ChatTurn, SpellSummary, SpellVersion


class SpellVersionView(BaseModel):
    """One version of a spell."""

    spell_id: str
    number: int
    parent: int | None
    author: str
    note: str
    idea: str | None
    spell: SpellModel
    infotext: str
    details: dict[str, Any]
    created_at: datetime
    person: str
    """The name of the key it was made with; empty without keys."""

    @classmethod
    def of(cls, version: SpellVersion) -> SpellVersionView:
        """The view of a version."""
        return cls(
            spell_id=version.spell_id,
            number=version.number,
            parent=version.parent,
            author=str(version.author),
            note=version.note,
            idea=version.idea,
            spell=SpellModel.from_domain(version.spell),
            infotext=format_infotext(version.spell),
            details=version.details,
            created_at=version.created_at,
            person=version.person,
        )


class TurnView(BaseModel):
    """One chat message and its answer."""

    number: int
    message: str
    reply: str
    by: str
    version: int
    created_at: datetime
    person: str
    """Who said it; empty without keys."""

    @classmethod
    def of(cls, turn: ChatTurn) -> TurnView:
        """The view of a turn."""
        return cls(
            number=turn.number,
            message=turn.message,
            reply=turn.reply,
            by=turn.by,
            version=turn.version,
            created_at=turn.created_at,
            person=turn.person,
        )


class SpellView(BaseModel):
    """A spell: its newest version, all versions and the chat."""

    id: str
    head: SpellVersionView
    versions: list[SpellVersionView]
    turns: list[TurnView]


class SpellSummaryView(BaseModel):
    """One line of the spell list."""

    id: str
    head: int
    title: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, summary: SpellSummary) -> SpellSummaryView:
        """The view of a summary."""
        return cls(
            id=summary.spell_id,
            head=summary.head,
            title=summary.title,
            created_at=summary.created_at,
            updated_at=summary.updated_at,
        )


class SpellPage(BaseModel):
    """A page of spells, newest first."""

    spells: list[SpellSummaryView]
    next_before: str | None


class ChatView(BaseModel):
    """What one message led to."""

    version: SpellVersionView
    turn: TurnView
    is_changed: bool
    understood: bool
    diff: dict[str, Any]
    edits: list[Any]
    is_proposal: bool
    """Nothing was stored: accept `edits` with `base` = the version's `parent`."""

    @classmethod
    def of(cls, result: TurnResult) -> ChatView:
        """The view of a turn's result."""
        return cls(
            version=SpellVersionView.of(result.version),
            turn=TurnView.of(result.turn),
            is_changed=result.is_changed,
            understood=result.understood,
            diff=result.diff.to_json(),
            edits=result.edits,
            is_proposal=result.is_proposal,
        )


class HandsView(BaseModel):
    """The hand plan, and the version it was made for or led to."""

    plan: dict[str, Any]
    version: SpellVersionView
