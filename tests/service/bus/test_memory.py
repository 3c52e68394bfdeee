from __future__ import annotations

import asyncio

from service.bus.base import Moved, Progress
from service.bus.memory import BACKLOG, MOST_KNOWN, MemoryBus
from service.jobs import JobStatus


def progress(done: int, job: str = "j") -> Progress:
    return Progress(job, done, 100, "base")


def test_a_listener_hears_its_job_only_and_only_what_came_after_it_listened() -> None:
    async def scene() -> list[object]:
        bus = MemoryBus()
        bus.publish(Moved("j", JobStatus.QUEUED))
        async with bus.subscribe("j") as mine:
            bus.publish(progress(1, "other"))
            bus.publish(Moved("j", JobStatus.RUNNING))
            return [await mine.next(1.0), await mine.next(0.01)]

    assert asyncio.run(scene()) == [Moved("j", JobStatus.RUNNING), None]


def test_newer_progress_replaces_older_and_facts_are_kept_in_order() -> None:
    async def scene() -> list[object]:
        bus = MemoryBus()
        async with bus.subscribe("j") as mine:
            for message in (progress(1), progress(2), Moved("j", JobStatus.RUNNING), progress(3)):
                bus.publish(message)
            return [await mine.next(1.0) for _ in range(3)]

    assert asyncio.run(scene()) == [progress(2), Moved("j", JobStatus.RUNNING), progress(3)]


def test_a_slow_listener_is_bounded_and_loses_the_oldest() -> None:
    async def scene() -> tuple[object, int]:
        bus = MemoryBus()
        async with bus.subscribe("j") as mine:
            for _ in range(3 * BACKLOG):
                bus.publish(Moved("j", JobStatus.RUNNING))
                bus.publish(progress(1))
            count = 0
            while await mine.next(0.01) is not None:
                count += 1
            return bus.latest("j"), count

    assert asyncio.run(scene()) == (progress(1), BACKLOG)


def test_the_latest_progress_is_forgotten_when_the_work_ends() -> None:
    bus = MemoryBus()
    bus.publish(progress(5))
    assert bus.latest("j") == progress(5)
    bus.publish(Moved("j", JobStatus.CANCELLING))
    assert bus.latest("j") == progress(5)
    bus.publish(Moved("j", JobStatus.QUEUED))
    assert bus.latest("j") is None


def test_closing_wakes_every_listener_at_once_and_lets_no_new_one_wait() -> None:
    async def scene() -> list[object]:
        bus = MemoryBus()
        async with bus.subscribe("j") as mine:
            waiting = asyncio.create_task(mine.next(60.0))
            await asyncio.sleep(0)
            bus.close()
            async with bus.subscribe("j") as late:
                return [await asyncio.wait_for(waiting, 1.0), await late.next(60.0), bus.is_closed]

    assert asyncio.run(scene()) == [None, None, True]


def test_whoever_asks_later_gets_the_newest_preview_there_was() -> None:
    bus = MemoryBus()
    bus.publish(Progress("a", 1, 9, "base", preview="data:1"))
    bus.publish(Progress("a", 2, 9, "base"))
    latest = bus.latest("a")
    assert latest is not None
    assert (latest.done, latest.preview) == (2, "data:1")


def test_progress_that_comes_after_a_job_s_end_does_not_pile_up() -> None:
    async def scene() -> tuple[object, object]:
        bus = MemoryBus()
        for number in range(2 * MOST_KNOWN):
            bus.publish(Moved(f"j{number}", JobStatus.DONE))
            bus.publish(progress(1, f"j{number}"))
        assert len(bus._progress) == MOST_KNOWN
        return bus.latest("j0"), bus.latest(f"j{2 * MOST_KNOWN - 1}")

    first, last = asyncio.run(scene())
    assert first is None and last is not None
