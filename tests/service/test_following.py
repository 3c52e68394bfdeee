"""Whoever follows a job hears all of it in order, and nothing after its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from prompts.spell import Spell
from service.assembly import build
from service.backbone import Backbone
from service.bus.base import Moved, Progress
from service.errors import DatabaseUnavailable, NotFound
from service.generation import PictureOrder
from service.jobs import EventKind, Job, JobEvent, JobStatus
from service.services import Services
from service.sight import Sights
from service.testing import quiet_settings

SPELL = Spell("a cat").evolve(steps=1, sampler="Euler", width=64, height=64, seed=10)


def in_services(folder: Path, scene: Callable[[Services], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        async with build(quiet_settings(folder), fake_engine=True) as services:
            return await asyncio.wait_for(scene(services), 30)

    return asyncio.run(whole())


async def drawn(services: Services) -> Job:
    job = await services.generation.submit(PictureOrder(spell=SPELL))
    return await services.generation.wait(job.id)


async def heard(services: Services, job_id: str, after: int = 0) -> list[str]:
    found = []
    async for news in services.generation.follow(job_id, after, 0.05):
        found.append("silence" if news is None else "progress" if isinstance(news, Progress) else str(news.kind))
    return found


def test_progress_that_comes_after_the_end_is_told_to_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job is read before its events; between the two its last event may be written, on another machine too."""
    news = Sights.news

    async def scene(services: Services) -> list[str]:
        job = await drawn(services)
        bus = services.generation._bus

        async def read_too_early(self: Sights, job_id: str, after: int, limit: int) -> tuple[Job, list[JobEvent]]:
            _, events = await news(self, job_id, after, limit)
            bus.publish(Progress(job.id, 1, 2, "base"))
            bus.publish(Moved(job.id, JobStatus.DONE))
            bus.publish(Progress(job.id, 2, 2, "base"))
            return job.evolve(status=JobStatus.RUNNING, last_event=job.last_event - 1), list(events)

        monkeypatch.setattr(Sights, "news", read_too_early)
        return await heard(services, job.id)

    assert in_services(tmp_path, scene)[-1] == "done"


def test_every_kind_of_event_that_ends_a_job_is_final_and_no_other() -> None:
    assert {str(kind) for kind in EventKind if kind.is_final} == {str(s) for s in JobStatus if s.is_final}


def test_two_tenants_that_ask_for_one_job_at_the_same_moment_are_not_given_each_other_s_answer(tmp_path: Path) -> None:
    async def scene(services: Services) -> list[Any]:
        job = await drawn(services)
        backbone: Backbone = services.generation._backbone
        asked = [Sights(backbone.of(tenant)).news(job.id, 0, 200) for tenant in ("local", "mallory", "local", "eve")]
        return await asyncio.gather(*asked, return_exceptions=True)

    mine, foreign, again, other = in_services(tmp_path, scene)
    assert isinstance(foreign, NotFound) and isinstance(other, NotFound)
    assert mine[0].id == again[0].id and [event.kind for event in mine[1]][-1] is EventKind.DONE


def test_two_hundred_listeners_hear_every_event_while_others_leave_at_any_moment(tmp_path: Path) -> None:
    async def scene(services: Services) -> list[list[str]]:
        job = await services.generation.submit(PictureOrder(spell=SPELL, count=6))
        stay = [asyncio.create_task(heard(services, job.id)) for _ in range(200)]
        leave = [asyncio.create_task(heard(services, job.id)) for _ in range(100)]
        for at, task in enumerate(leave):
            if at % 7 == 0:
                await asyncio.sleep(0)
            task.cancel()
        return await asyncio.gather(*stay)

    for kinds in in_services(tmp_path, scene):
        facts = [kind for kind in kinds if kind not in ("progress", "silence")]
        assert facts == ["queued", "started", *["image"] * 6, "done"]
        assert kinds[-1] == "done"


def test_a_short_silence_of_the_database_ends_no_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.generation.RETRY_SECONDS", 0.01)
    news, failures = Sights.news, iter(range(3))

    async def down_at_first(self: Sights, job_id: str, after: int, limit: int) -> Any:
        if next(failures, None) is not None:
            raise DatabaseUnavailable("The database does not answer.")
        return await news(self, job_id, after, limit)

    async def scene(services: Services) -> list[str]:
        job = await drawn(services)
        monkeypatch.setattr(Sights, "news", down_at_first)
        return await heard(services, job.id)

    assert in_services(tmp_path, scene) == ["silence"] * 3 + ["queued", "started", "image", "done"]


def test_a_database_that_stays_away_ends_it_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.generation.RETRY_SECONDS", 0.01)
    monkeypatch.setattr("service.generation.PATIENCE_SECONDS", 0.1)

    async def down(self: Sights, job_id: str, after: int, limit: int) -> Any:
        raise DatabaseUnavailable("The database does not answer.")

    async def scene(services: Services) -> None:
        job = await drawn(services)
        monkeypatch.setattr(Sights, "news", down)
        with pytest.raises(DatabaseUnavailable):
            await heard(services, job.id)

    in_services(tmp_path, scene)
