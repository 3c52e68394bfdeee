"""No more of an HTTP answer is read than it is worth.

The SDK reads a refusal to its end, and a line of a stream until it ends: a server that never stops would fill the
memory of ours within seconds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

from prompts.errors import ChatModelInvalidOutput

ANSWER_BYTES = 16 * 2**20
"""Of one streamed answer as it travels: an event takes some 300 bytes for a few characters of text."""
REFUSAL_BYTES = 64 * 2**10
"""Of an answer that is no success; what follows is left out."""


async def bound(response: httpx2.Response) -> None:
    """Put both limits on a response that is not read yet: an event hook for the client.

    Reading more than `ANSWER_BYTES` of a successful answer raises `ChatModelInvalidOutput`. Nothing is unpacked: a
    compressed answer, which is never asked for, stays as it is.
    """
    if "content-encoding" in response.headers:
        del response.headers["content-encoding"]
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(response.stream, is_cut=not response.is_success)


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, *, is_cut: bool) -> None:
        self._stream = stream
        self._limit = REFUSAL_BYTES if is_cut else ANSWER_BYTES
        self._is_cut = is_cut

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limit
        async for piece in self._stream:
            yield piece[:left]
            left -= len(piece)
            if left < 0 and self._is_cut:
                return
            if left < 0:
                raise ChatModelInvalidOutput(
                    "The language model's answer was too long and was cut off.", limit=self._limit, unit="bytes"
                )

    async def aclose(self) -> None:
        await self._stream.aclose()
