"""A search in the address of a list."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query

from service.search import Search

Words = Annotated[str, Query(max_length=500, description="Words that must all be in the idea, the prompts or a name.")]
Name = Annotated[str | None, Query(max_length=256, description="The whole name, any case.")]
Moment = Annotated[datetime | None, Query(description="ISO 8601; without a zone it is UTC.")]


async def search_of(
    q: Words = "", checkpoint: Name = None, lora: Name = None, since: Moment = None, until: Moment = None
) -> Search:
    """The search; nothing given finds everything."""
    return Search.of(q, checkpoint=checkpoint, lora=lora, since=_aware(since), until=_aware(until))


def _aware(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


SearchDep = Annotated[Search, Depends(search_of)]
