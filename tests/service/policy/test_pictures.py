"""The operator's classifier stands between the engine and the store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from generator.events import Picture
from generator.testing import FakeEngine
from prompts.spell import Spell
from service.assembly import build
from service.generation import PictureOrder
from service.jobs import Job, JobStatus
from service.policy.pictures import Verdict
from service.testing import quiet_settings

SPELL = Spell("a cat").evolve(steps=8, sampler="Euler", width=64, height=64, seed=10)


class Check:
    """Says what it is told to, and remembers what it saw."""

    def __init__(self, answer: Verdict | Exception) -> None:
        self.answer = answer
        self.seen: list[tuple[int, int]] = []

    def look(self, picture: Picture, spell: Spell) -> Verdict:
        self.seen.append((picture.width, picture.height))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def draw(folder: Path, check: Check) -> tuple[Job, list[Any], list[Any]]:
    async def scene() -> tuple[Job, list[Any], list[Any]]:
        async with build(quiet_settings(folder), fake_engine=FakeEngine, picture_check=check) as services:
            job = await services.generation.submit(PictureOrder(spell=SPELL, count=1))
            news = [message async for message in services.generation.follow(job.id, 0, 1.0)]
            done = await services.generation.get(job.id)
            return done, list(await services.generation.images(job.id)), news

    return asyncio.run(asyncio.wait_for(scene(), 60))


def test_a_picture_that_it_allows_is_kept_and_was_never_shown_before(tmp_path: Path) -> None:
    check = Check(Verdict(is_allowed=True))
    job, images, news = draw(tmp_path, check)
    assert (job.status, len(images), check.seen) == (JobStatus.DONE, 1, [(64, 64)])
    assert not any(getattr(message, "preview", None) for message in news)


@pytest.mark.parametrize(
    ("answer", "category"),
    [(Verdict(is_allowed=False, category="adult"), "adult"), (RuntimeError("out of order"), "check_failed")],
)
def test_a_picture_that_it_refuses_or_cannot_judge_is_nowhere(
    tmp_path: Path, answer: Verdict | Exception, category: str
) -> None:
    job, images, _ = draw(tmp_path, Check(answer))
    assert job.status is JobStatus.FAILED and job.problem is not None
    assert (job.problem.code, job.problem.facts["category"]) == ("policy_blocked", category)
    assert images == [] and "out of order" not in job.problem.detail
    assert not list((tmp_path / "blobs").rglob("*.png"))
