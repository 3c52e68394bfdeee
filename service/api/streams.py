"""How many event streams are open."""

from __future__ import annotations

from collections.abc import AsyncIterator

from service.errors import TooManyStreams


class StreamCount:
    """Counts open streams of one application; used on the event loop only."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open = 0

    def counted(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """`stream`, counted while it is read.

        Raises:
            TooManyStreams: The limit is reached; nothing was opened.
        """
        if self._open >= self._limit:
            raise TooManyStreams(
                f"{self._open} event streams are open; the limit is {self._limit}. Try again in 5 s.",
                got=self._open,
                limit=self._limit,
            )
        return self._read(stream)

    async def _read(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        # Counted from the first read: a stream whose client left before that is never closed either.
        self._open += 1
        try:
            async for piece in stream:
                yield piece
        finally:
            self._open -= 1
