"""One read for everybody who asks for the same thing at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

Value = TypeVar("Value")


class SharedReads:
    """Joins the callers of one moment of the event loop into one read.

    Two hundred listeners of a job wake together at each of its events and want the same rows; two hundred trips to
    the threads that read the database would hold up every other request. A caller never gets the answer of a
    read that began before it asked, which might lack what it was woken for.
    """

    def __init__(self) -> None:
        self._coming: dict[Hashable, asyncio.Task[Any]] = {}

    async def get(self, key: Hashable, read: Callable[[], Awaitable[Value]]) -> Value:
        """What `read()` gives, for all callers of `key`; raises what it raises.

        A caller that is cancelled leaves the others their answer.
        """
        task: asyncio.Task[Value] | None = self._coming.get(key)
        if task is None or task.done():  # done: it was cancelled before it could begin
            task = self._coming[key] = asyncio.create_task(self._begin(key, read))
        return await asyncio.shield(task)

    async def _begin(self, key: Hashable, read: Callable[[], Awaitable[Value]]) -> Value:
        await asyncio.sleep(0)  # all who were woken with the first caller have asked by now
        del self._coming[key]
        return await read()
