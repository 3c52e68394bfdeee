from __future__ import annotations

import asyncio
import errno
import hashlib
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
from service.generation import PictureOrder
from service.jobs import EventKind, Job, JobStatus
from service.services import Services
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
        return await services.generation.wait(job_id)

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
