"""Callers of one moment share a read, and nobody gets an answer older than the question."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from service.shared_reads import SharedReads


def test_callers_of_one_moment_share_one_read() -> None:
    reads: list[str] = []

    async def read(key: str) -> str:
        reads.append(key)
        return key.upper()

    async def scene() -> list[str]:
        shared = SharedReads()
        return await asyncio.gather(*(shared.get(key, partial(read, key)) for key in ["a"] * 200 + ["b"] * 100))

    assert asyncio.run(scene()) == ["A"] * 200 + ["B"] * 100
    assert reads == ["a", "b"]


def test_whoever_asks_while_a_read_runs_gets_a_later_one() -> None:
    async def scene() -> tuple[int, int]:
        value, has_begun, may_end = 1, asyncio.Event(), asyncio.Event()

        async def read(_: str) -> int:
            seen = value
            has_begun.set()
            await may_end.wait()
            return seen

        shared = SharedReads()
        early = asyncio.create_task(shared.get("a", partial(read, "a")))
        await has_begun.wait()
        value = 2
        late = asyncio.create_task(shared.get("a", partial(read, "a")))
        may_end.set()
        return await early, await late

    assert asyncio.run(scene()) == (1, 2)


def test_a_caller_that_goes_leaves_the_others_their_answer() -> None:
    async def scene() -> str:
        may_end = asyncio.Event()

        async def read(key: str) -> str:
            await may_end.wait()
            return key

        shared = SharedReads()
        gone, stays = (asyncio.create_task(shared.get("a", partial(read, "a"))) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        may_end.set()
        return await stays

    assert asyncio.run(scene()) == "a"


def test_a_failure_reaches_every_caller_and_the_next_read_is_new() -> None:
    async def scene() -> tuple[list[object], str]:
        answers = iter([KeyError("a"), None])

        async def read(key: str) -> str:
            if (failure := next(answers)) is not None:
                raise failure
            return key

        shared = SharedReads()
        failed: list[object] = list(
            await asyncio.gather(
                shared.get("a", partial(read, "a")), shared.get("a", partial(read, "a")), return_exceptions=True
            )
        )
        return failed, await shared.get("a", partial(read, "a"))

    failed, then = asyncio.run(scene())
    assert [type(f) for f in failed] == [KeyError, KeyError]
    assert then == "a"


def test_a_read_that_is_ended_before_it_began_is_not_given_to_the_next_caller() -> None:
    async def scene() -> str:
        async def read(key: str) -> str:
            return key

        shared = SharedReads()
        before = asyncio.all_tasks()
        first = asyncio.create_task(shared.get("a", partial(read, "a")))
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - before:  # as a loop that is closing does
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await asyncio.wait_for(shared.get("a", partial(read, "a")), 5)

    assert asyncio.run(scene()) == "a"
