from __future__ import annotations

import asyncio
import errno
import hashlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from generator.errors import OutOfMemory
from generator.request import GenerationRequest
from generator.testing import FakeEngine
from prompts.errors import SpellwrightError
from prompts.spell import Spell
from service import runner as runner_module
from service.assembly import BuildEngine, build
from service.blobs import filesystem
from service.errors import DiskFull
from service.generation import PictureOrder
from service.jobs import EventKind, Job, JobEvent, JobStatus
from service.services import Services
from service.store.base import Move
from service.testing import quiet_settings

Result = TypeVar("Result")
SPELL = Spell("a cat").evolve(steps=3, sampler="Euler", width=64, height=64, seed=10)


def with_services(
    folder: Path, scene: Callable[[Services], Awaitable[Result]], engine: BuildEngine = FakeEngine
) -> Result:
    async def whole() -> Result:
        async with build(quiet_settings(folder), fake_engine=engine) as services:
            return await asyncio.wait_for(scene(services), 30)

    return asyncio.run(whole())


async def draw(services: Services, count: int = 1) -> Job:
    job = await services.generation.submit(PictureOrder(spell=SPELL, count=count))
    return await services.generation.wait(job.id)


async def kinds(services: Services, job: Job) -> list[tuple[EventKind, str | None]]:
    found = [event async for event in services.generation.follow(job.id, 0, 1.0)]
    return [(event.kind, event.data.get("reason")) for event in found if hasattr(event, "kind")]


def test_a_picture_is_stored_under_the_hash_of_its_bytes(tmp_path: Path) -> None:
    async def scene(services: Services) -> None:
        job = await draw(services, 2)
        assert job.status is JobStatus.DONE
        for image in await services.generation.images(job.id):
            data = await services.gallery.read(image)
            assert hashlib.sha256(data).hexdigest() == image.sha256 == Path(image.blob).stem

    with_services(tmp_path, scene)


def test_one_picture_that_fails_fails_the_job_with_its_reason_and_keeps_the_others(tmp_path: Path) -> None:
    def fail(request: GenerationRequest, done: int) -> SpellwrightError | None:
        return OutOfMemory("Too large.", fits=[512, 512]) if request.request_id.endswith("/1") and done == 2 else None

    async def scene(services: Services) -> None:
        job = await draw(services, 2)
        assert job.status is JobStatus.FAILED
        assert job.problem is not None and job.problem.code == "out_of_memory" and job.problem.facts["fits"]
        following = await services.generation.submit(PictureOrder(spell=SPELL.evolve(seed=99)))
        assert (await services.generation.wait(following.id)).status is JobStatus.DONE

    with_services(tmp_path, scene, lambda: FakeEngine(fail=fail))


def test_a_full_disk_makes_the_job_wait_and_it_is_finished_when_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(runner_module, "LOOK_AROUND_SECONDS", 0.05)
    write, tries = filesystem._write_atomically, iter(range(2))

    def full_at_first(path: Path, data: bytes) -> None:
        if next(tries, None) is not None:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data)

    monkeypatch.setattr(filesystem, "_write_atomically", full_at_first)

    async def scene(services: Services) -> None:
        job = await draw(services)
        assert job.status is JobStatus.DONE and job.attempt == 3
        told = [reason for kind, reason in await kinds(services, job) if kind is EventKind.WAITING]
        assert told == ["disk_low", "disk_low"]
        assert [image.spell.params.seed for image in await services.generation.images(job.id)] == [10]

    with_services(tmp_path, scene)


def test_a_job_whose_stamp_does_not_fit_its_spell_is_not_drawn(tmp_path: Path) -> None:
    import sqlite3

    async def scene(services: Services) -> str:
        job = await services.generation.submit(PictureOrder(spell=SPELL.evolve(steps=150), count=40))
        await services.generation.cancel(job.id)
        return (await services.generation.wait(job.id)).id

    job_id = with_services(tmp_path, scene)
    with sqlite3.connect(tmp_path / "spellwright.db") as database:
        database.execute(
            "UPDATE jobs SET status = 'queued', policy_stamp = '1:00' WHERE id = ?", (job_id,)
        )  # fmt: skip
    database.close()

    async def again(services: Services) -> Job:
        # Its news ended with the first cancellation, so they do not tell of what was done to the row.
        while not (job := await services.generation.get(job_id)).status.is_final:
            await asyncio.sleep(0.01)
        return job

    job = with_services(tmp_path, again)
    assert job.problem is not None and job.problem.code == "policy_blocked"


def test_a_second_process_on_the_same_folder_leaves_the_first_one_s_work_alone(tmp_path: Path) -> None:
    async def whole() -> tuple[Job, Job]:
        settings = quiet_settings(tmp_path)
        async with (
            build(settings, fake_engine=True, own_only=True) as first,
            build(settings, fake_engine=True, own_only=True) as second,
        ):
            one = await first.generation.submit(PictureOrder(spell=SPELL))
            two = await second.generation.submit(PictureOrder(spell=SPELL))
            return await first.generation.wait(two.id), await second.generation.wait(one.id)

    two, one = asyncio.run(asyncio.wait_for(whole(), 30))
    assert (one.status, two.status) == (JobStatus.DONE, JobStatus.DONE)
    assert (one.attempt, two.attempt) == (1, 1)


def test_a_cancel_that_arrives_while_the_end_cannot_be_stored_ends_the_job_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full for the picture and for the row; the person gives up before there is room again."""
    monkeypatch.setattr(runner_module, "RETRY_SECONDS", 0.2)
    monkeypatch.setattr(runner_module, "LOOK_AROUND_SECONDS", 0.05)
    end, asked = runner_module.Runner._end, asyncio.Event()

    def never_a_disk(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def full_at_first(runner: runner_module.Runner, job: Job, move: Move) -> Job:
        if not asked.is_set():
            loop.call_soon_threadsafe(asked.set)
            raise DiskFull("The disk is full.")
        return end(runner, job, move)

    monkeypatch.setattr(filesystem, "_write_atomically", never_a_disk)
    monkeypatch.setattr(runner_module.Runner, "_end", full_at_first)
    loop: asyncio.AbstractEventLoop

    async def scene(services: Services) -> Job:
        nonlocal loop
        loop = asyncio.get_running_loop()
        job = await services.generation.submit(PictureOrder(spell=SPELL))
        await asked.wait()
        await services.generation.cancel(job.id)
        return await services.generation.wait(job.id)

    assert with_services(tmp_path, scene).status is JobStatus.CANCELLED


def test_a_cancel_through_another_process_stops_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "LOOK_AROUND_SECONDS", 0.05)

    def slow() -> FakeEngine:
        return FakeEngine(before_step=lambda: time.sleep(0.05))

    async def whole() -> Job:
        settings = quiet_settings(tmp_path)
        async with (
            build(
                settings, fake_engine=lambda: FakeEngine(before_step=lambda: time.sleep(0.05)), own_only=True
            ) as first,
            build(settings, fake_engine=True, own_only=True) as second,
        ):
            job = await first.generation.submit(PictureOrder(spell=SPELL.evolve(steps=150), count=8))
            async for event in first.generation.follow(job.id, 0, 1.0):
                if getattr(event, "kind", None) is EventKind.STARTED:
                    break
            await second.generation.cancel(job.id)
            return await first.generation.wait(job.id)

    assert asyncio.run(asyncio.wait_for(whole(), 30)).status is JobStatus.CANCELLED


def test_one_damaged_row_fails_by_itself_and_stops_neither_the_list_nor_the_queue(tmp_path: Path) -> None:
    import sqlite3

    async def scene(services: Services) -> str:
        return (await draw(services)).id

    job_id = with_services(tmp_path, scene)
    with sqlite3.connect(tmp_path / "spellwright.db") as database:
        database.execute("""UPDATE jobs SET status = 'queued', spell = '{"bogus": 1}' WHERE id = ?""", (job_id,))
    database.close()

    async def again(services: Services) -> tuple[Job, Job]:
        fine = await draw(services)
        assert len(await services.generation.page(10)) == 2
        return await services.generation.wait(job_id), fine

    damaged, fine = with_services(tmp_path, again)
    assert (damaged.status, fine.status) == (JobStatus.FAILED, JobStatus.DONE)


def test_a_picture_that_was_passed_over_is_drawn_neither_now_nor_after_a_restart(tmp_path: Path) -> None:
    async def skip_one(services: Services) -> str:
        job = await services.generation.submit(PictureOrder(spell=SPELL.evolve(steps=150), count=3))
        assert await services.generation.skip(job.id) in (None, 0), "nothing is drawn while it waits"
        while 0 not in services.generation._jobs.skipped(job.id):
            await services.generation.skip(job.id)
        return job.id

    # The process stops while the other two are drawn.
    job_id = with_services(tmp_path, skip_one, lambda: FakeEngine(before_step=lambda: time.sleep(0.005)))

    async def go_on(services: Services) -> None:
        job = await services.generation.wait(job_id)
        events = [event async for event in services.generation.follow(job_id, 0, 1.0) if isinstance(event, JobEvent)]
        skipped = [event.data["slot"] for event in events if event.kind is EventKind.SKIPPED]
        drawn = [image.slot for image in await services.generation.images(job_id)]
        assert (job.status, events[-1].data["images"]) == (JobStatus.DONE, len(drawn))
        assert 0 in skipped and sorted([*skipped, *drawn]) == [0, 1, 2]
        assert EventKind.WAITING in {event.kind for event in events}
        assert await services.generation.skip(job_id) is None

    with_services(tmp_path, go_on)
