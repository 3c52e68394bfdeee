from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from service.api import streams
from service.api.streams import StreamCount
from service.auth.caller import DEFAULT_SCOPES, OWN_USER, Caller
from service.errors import TooManyStreams

ANN, BOB = (Caller(name, DEFAULT_SCOPES, f"key of {name}") for name in ("ann", "bob"))


class Source:
    """A stream that gives two pieces, then waits for ever; knows whether it was closed."""

    def __init__(self) -> None:
        self.is_closed = False

    async def read(self) -> AsyncGenerator[bytes]:
        try:
            yield b"1"
            yield b"2"
            await asyncio.Event().wait()
        finally:
            self.is_closed = True


async def valid(_caller: Caller) -> bool:
    return True


def test_each_tenant_has_its_own_part_of_the_streams_and_the_own_user_has_all() -> None:
    async def scene() -> None:
        count = StreamCount(4, 2)
        held = [count.counted(Source().read(), ANN, valid) for _ in range(2)]
        for stream in held:
            await anext(stream)
        with pytest.raises(TooManyStreams) as refused:
            count.counted(Source().read(), ANN, valid)
        assert (refused.value.facts["got"], refused.value.facts["limit"]) == (2, 2)
        held.append(count.counted(Source().read(), BOB, valid))
        held.append(count.counted(Source().read(), OWN_USER, valid))
        for stream in held[2:]:
            await anext(stream)
        with pytest.raises(TooManyStreams):
            count.counted(Source().read(), BOB, valid)
        await held[0].aclose()  # type: ignore[attr-defined]
        assert count.open == 3
        assert await anext(count.counted(Source().read(), ANN, valid)) == b"1"

    asyncio.run(scene())


def test_a_stream_ends_when_its_key_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "CHECK_SECONDS", 0.01)
    looks = []

    async def revoked_at_the_third_look(_caller: Caller) -> bool:
        looks.append(1)
        return len(looks) < 3

    async def scene() -> list[bytes]:
        count, source = StreamCount(4, 2), Source()
        pieces = [piece async for piece in count.counted(source.read(), ANN, revoked_at_the_third_look)]
        assert (source.is_closed, count.open, len(looks)) == (True, 0, 3)
        return pieces

    assert asyncio.run(scene()) == [b"1", b"2"]


def test_a_stream_that_is_never_silent_ends_with_its_key_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "CHECK_SECONDS", 0.05)

    async def chatter() -> AsyncGenerator[bytes]:
        while True:
            await asyncio.sleep(0.001)
            yield b"x"

    async def revoked(_caller: Caller) -> bool:
        return False

    async def scene() -> list[bytes]:
        async with asyncio.timeout(20):
            return [piece async for piece in StreamCount(4, 2).counted(chatter(), ANN, revoked)]

    assert set(asyncio.run(scene())) <= {b"x"}


def test_a_client_that_leaves_closes_what_feeds_its_stream() -> None:
    async def scene() -> None:
        count, source = StreamCount(4, 2), Source()
        stream = count.counted(source.read(), ANN, valid)
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        assert (source.is_closed, count.open) == (True, 0)

    asyncio.run(scene())
