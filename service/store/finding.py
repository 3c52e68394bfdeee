"""A search as conditions of a query."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, Table

from service.ids import utc_text
from service.search import Search


def narrowed(query: Select[Any], table: Table, search: Search) -> Select[Any]:
    """`query` on rows of `table` (it has `search` and `created_at`) that fit the search."""
    for part in search.parts:
        query = query.where(table.c.search.contains(part, autoescape=True))
    if search.since is not None:
        query = query.where(table.c.created_at >= utc_text(search.since))
    if search.until is not None:
        query = query.where(table.c.created_at < utc_text(search.until))
    return query
