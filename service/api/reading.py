"""Puts the answers together that need more than one use case."""

from __future__ import annotations

import asyncio

from service.api.spell_views import SpellVersionView, SpellView, TurnView
from service.api.views import InterrogationView, JobView
from service.interrogation import ASKED
from service.jobs import Job, JobStatus
from service.services import Services
from service.sight import JobSight


async def job_view(services: Services, job: Job) -> JobView:
    """A job with its pictures, progress and place in the queue."""
    return sight_view(services, await services.generation.sights.of(job))


def sight_view(services: Services, sight: JobSight) -> JobView:
    """A job that was looked at, with its progress."""
    return JobView.of(sight.job, sight.images, services.generation.progress(sight.job.id), sight.ahead)


async def spell_view(services: Services, spell_id: str) -> SpellView:
    """A spell with its versions and chat.

    Raises:
        NotFound: No such spell.
    """
    versions, turns = await asyncio.gather(services.library.versions(spell_id), services.library.turns(spell_id))
    views = [SpellVersionView.of(version) for version in versions]
    return SpellView(id=spell_id, head=views[-1], versions=views, turns=[TurnView.of(turn) for turn in turns])


async def interrogation_view(services: Services, job: Job) -> InterrogationView:
    """An interrogation with the spell it led to."""
    version = None
    if job.status is JobStatus.DONE and job.spell_id is not None:
        version = SpellVersionView.of(await services.library.get(job.spell_id, job.spell_version))
    progress = services.generation.progress(job.id)
    result = job.result or {}
    return InterrogationView(
        id=job.id,
        status=str(job.status),
        source=result.get("source"),
        spell_id=job.spell_id,
        version=version,
        interrogation=result.get("interrogation"),
        asked=result.get(ASKED),
        problem=None if job.problem is None else {"code": job.problem.code, "detail": job.problem.detail},
        progress=None if progress is None else progress.to_json(),
        events_url=f"/api/jobs/{job.id}/events",
    )
