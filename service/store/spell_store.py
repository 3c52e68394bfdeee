"""`SpellStore` in SQL: versions are appended, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

from sqlalchemy import Connection, Select, func, insert, select, update

from service.auth.caller import LOCAL
from service.errors import Conflict, NotFound
from service.ids import utc_text
from service.search import EVERYTHING, Search, searched_text
from service.spells import ChatTurn, SpellSummary, SpellVersion
from service.store.database import Database
from service.store.finding import narrowed
from service.store.rows import summary_of, turn_of, turn_row, version_of, version_row
from service.store.tables import chat_turns, spell_versions, spells

TITLE_CHARACTERS = 120


class SqlSpellStore:
    """Spells, their versions and chats; see `service.store.base.SpellStore`."""

    def __init__(self, database: Database, tenant: str | None = None) -> None:
        self._database = database
        self._tenant = tenant

    def of(self, tenant: str) -> Self:
        """The same spells as far as `tenant` sees them."""
        return type(self)(self._database, tenant)

    def create(self, version: SpellVersion) -> SpellVersion:
        """Store version 1 of a new spell."""
        first = replace(version, number=1, parent=None)
        at = utc_text(first.created_at)
        with self._database.write() as connection:
            row = {"id": first.spell_id, "head": 1, "title": _title(first), "created_at": at, "updated_at": at}
            row["search"] = searched_text(first.spell, first.idea or "")
            connection.execute(insert(spells).values(tenant=self._tenant or LOCAL, **row))
            connection.execute(insert(spell_versions).values(**version_row(first)))
        return first

    def append(self, version: SpellVersion, head: int, turn: ChatTurn | None = None) -> SpellVersion:
        """Store the next version, and the chat turn that led to it, together."""
        with self._database.write() as connection:
            now = self._head_number(connection, version.spell_id)
            if head != now:
                raise Conflict(
                    f"This spell is at version {now} now, not {head}. Load version {now} and change that.",
                    head=now,
                    got=head,
                )
            stored = replace(version, number=now + 1)
            connection.execute(insert(spell_versions).values(**version_row(stored)))
            connection.execute(
                update(spells)
                .where(spells.c.id == stored.spell_id)
                .values(
                    head=stored.number,
                    updated_at=utc_text(stored.created_at),
                    search=searched_text(stored.spell, _idea(connection, stored.spell_id)),
                )
            )
            if turn is not None:
                _insert_turn(connection, replace(turn, version=stored.number))
        return stored

    def add_turn(self, turn: ChatTurn) -> ChatTurn:
        """Store a turn that changed nothing; its number is drawn."""
        with self._database.write() as connection:
            self._head_number(connection, turn.spell_id)
            return _insert_turn(connection, turn)

    def head(self, spell_id: str) -> SpellVersion | None:
        """The newest version, or `None`."""
        newest = spell_versions.c.number.desc()
        query = self._mine(select(spell_versions).where(spell_versions.c.spell_id == spell_id), spell_id)
        query = query.order_by(newest).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else version_of(row)

    def version(self, spell_id: str, number: int) -> SpellVersion | None:
        """One version, or `None`."""
        query = select(spell_versions).where(spell_versions.c.spell_id == spell_id, spell_versions.c.number == number)
        query = self._mine(query, spell_id)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else version_of(row)

    def versions(self, spell_id: str) -> Sequence[SpellVersion]:
        """All versions, oldest first; empty when there is no such spell."""
        query = self._mine(select(spell_versions).where(spell_versions.c.spell_id == spell_id), spell_id)
        query = query.order_by(spell_versions.c.number)
        with self._database.read() as connection:
            return [version_of(row) for row in connection.execute(query).mappings()]

    def turns(self, spell_id: str) -> Sequence[ChatTurn]:
        """All chat turns, oldest first."""
        query = self._mine(select(chat_turns).where(chat_turns.c.spell_id == spell_id), spell_id)
        query = query.order_by(chat_turns.c.number)
        with self._database.read() as connection:
            return [turn_of(row) for row in connection.execute(query).mappings()]

    def page(self, limit: int, before: str | None = None, search: Search = EVERYTHING) -> Sequence[SpellSummary]:
        """Newest spells first; `before` is the last id of the page above."""
        query = narrowed(select(spells), spells, search).order_by(spells.c.id.desc()).limit(limit)
        if self._tenant is not None:
            query = query.where(spells.c.tenant == self._tenant)
        if before is not None:
            query = query.where(spells.c.id < before)
        with self._database.read() as connection:
            return [summary_of(row) for row in connection.execute(query).mappings()]

    def _head_number(self, connection: Connection, spell_id: str) -> int:
        """The newest number; the spell's row is held, so that two writers come one after the other."""
        query = select(spells.c.head).where(spells.c.id == spell_id)
        if self._tenant is not None:
            query = query.where(spells.c.tenant == self._tenant)
        head = connection.execute(query.with_for_update()).scalar_one_or_none()
        if head is None:
            raise NotFound
        return int(head)

    def _mine(self, query: Select[Any], spell_id: str) -> Select[Any]:
        """`query`, empty when the spell is another tenant's."""
        if self._tenant is None:
            return query
        owned = select(spells.c.id).where(spells.c.id == spell_id, spells.c.tenant == self._tenant)
        return query.where(owned.exists())


def _insert_turn(connection: Connection, turn: ChatTurn) -> ChatTurn:
    query = select(func.coalesce(func.max(chat_turns.c.number), 0)).where(chat_turns.c.spell_id == turn.spell_id)
    numbered = replace(turn, number=connection.execute(query).scalar_one() + 1)
    connection.execute(insert(chat_turns).values(**turn_row(numbered)))
    return numbered


def _idea(connection: Connection, spell_id: str) -> str:
    """The person's own words at the beginning; empty when there were none."""
    first = select(spell_versions.c.idea).where(spell_versions.c.spell_id == spell_id, spell_versions.c.number == 1)
    return connection.execute(first).scalar_one_or_none() or ""


def _title(version: SpellVersion) -> str:
    text = " ".join((version.idea or version.spell.prompt or version.note or "…").split())
    return text if len(text) <= TITLE_CHARACTERS else text[: TITLE_CHARACTERS - 1] + "…"
