"""Which event streams are open: how many in all and of each tenant, and whether their keys still hold."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

from service.auth.caller import LOCAL, Caller
from service.errors import TooManyStreams

CHECK_SECONDS = 3.0
"""Between two looks at a key: a stream ends within 5 s of its key."""
IsValid = Callable[[Caller], Awaitable[bool]]


class StreamCount:
    """Counts open streams of one application; used on the event loop only.

    Args:
        limit: Of everybody together.
        limit_of_tenant: Of one tenant; this machine's own user has them all.
    """

    def __init__(self, limit: int, limit_of_tenant: int) -> None:
        self._limit = limit
        self._limit_of_tenant = limit_of_tenant
        self._open: Counter[str] = Counter()

    @property
    def open(self) -> int:
        """Streams that are being read now."""
        return self._open.total()

    def counted(self, stream: AsyncGenerator[bytes], caller: Caller, is_valid: IsValid) -> AsyncIterator[bytes]:
        """`stream`, counted while it is read, and ended when the caller's key is revoked.

        Raises:
            TooManyStreams: A limit is reached; nothing was opened.
        """
        mine = self._open[caller.tenant]
        limit = self._limit if caller.tenant == LOCAL else min(self._limit, self._limit_of_tenant)
        if self.open >= self._limit or mine >= limit:
            got, limit = (mine, limit) if mine >= limit else (self.open, self._limit)
            raise TooManyStreams(
                f"{got} event streams are open; the limit is {limit}. Try again in 5 s.", got=got, limit=limit
            )
        return self._read(stream if caller.key_id is None else _while_valid(stream, caller, is_valid), caller.tenant)

    async def _read(self, stream: AsyncGenerator[bytes], tenant: str) -> AsyncIterator[bytes]:
        # Counted from the first read: a stream whose client left before that is never closed either.
        self._open[tenant] += 1
        try:
            async for piece in stream:
                yield piece
        finally:
            self._open[tenant] -= 1
            if not self._open[tenant]:
                del self._open[tenant]
            await stream.aclose()


async def _while_valid(stream: AsyncGenerator[bytes], caller: Caller, is_valid: IsValid) -> AsyncGenerator[bytes]:
    """`stream` until it ends or the caller's key does."""
    coming: asyncio.Future[bytes] | None = None
    now = asyncio.get_running_loop().time
    look_at = now() + CHECK_SECONDS
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(stream))
            await asyncio.wait({coming}, timeout=max(0.0, look_at - now()))
            if now() >= look_at:  # by the clock: a stream that is never silent has to end too
                if not await is_valid(caller):
                    return
                look_at = now() + CHECK_SECONDS
            if coming.done():
                piece, coming = _result(coming), None
                if piece is None:
                    return
                yield piece
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
        await stream.aclose()


def _result(coming: asyncio.Future[bytes]) -> bytes | None:
    try:
        return coming.result()
    except StopAsyncIteration:
        return None
