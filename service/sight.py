"""A job with everything a reader is shown of it, read in one go: each trip to another thread costs more than a read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from service.backbone import Backbone
from service.errors import NotFound
from service.jobs import ImageRecord, Job, JobEvent, JobStatus


@dataclass(frozen=True, slots=True)
class JobSight:
    """A job as it is now."""

    job: Job
    images: Sequence[ImageRecord]
    """The finished pictures by slot."""
    ahead: int
    """How many jobs wait in front of it; 0 when it does not wait."""


class Sights:
    """Looks at the jobs that the tenant of `backbone` sees."""

    def __init__(self, backbone: Backbone) -> None:
        self._jobs = backbone.jobs
        self._images = backbone.images
        self._reads = backbone.reads
        self._tenant = backbone.tenant

    async def one(self, job_id: str) -> JobSight:
        """The job with this id.

        Raises:
            NotFound: No such job.
        """
        return await asyncio.to_thread(self._one, job_id)

    async def of(self, job: Job) -> JobSight:
        """What belongs to `job`, which stays as it was given."""
        return await asyncio.to_thread(self._of, job)

    async def page(self, limit: int, before: str | None = None) -> Sequence[JobSight]:
        """Newest first; `before` is the last id of the page above."""
        return await asyncio.to_thread(self._page, limit, before)

    async def news(self, job_id: str, after: int, limit: int) -> tuple[Job, Sequence[JobEvent]]:
        """The job, and its events with numbers above `after`, at most `limit`, which may be newer than the job.

        Raises:
            NotFound: No such job.
        """
        return await self._reads.get(
            (self._tenant, job_id, after, limit), lambda: asyncio.to_thread(self._news, job_id, after, limit)
        )

    def _one(self, job_id: str) -> JobSight:
        return self._of(self._existing(job_id))

    def _of(self, job: Job) -> JobSight:
        return JobSight(job, self._images.of_job(job.id), self._ahead(job))

    def _page(self, limit: int, before: str | None) -> Sequence[JobSight]:
        found = self._jobs.page(limit, before)
        images = self._images.of_jobs([job.id for job in found])
        return [JobSight(job, images.get(job.id, ()), self._ahead(job)) for job in found]

    def _news(self, job_id: str, after: int, limit: int) -> tuple[Job, Sequence[JobEvent]]:
        # The job first: a final job then has all its events written.
        job = self._existing(job_id)
        return job, self._jobs.events(job_id, after, limit)

    def _existing(self, job_id: str) -> Job:
        job = self._jobs.get(job_id)
        if job is None:
            raise NotFound
        return job

    def _ahead(self, job: Job) -> int:
        return self._jobs.ahead(job.id) if job.status is JobStatus.QUEUED else 0
