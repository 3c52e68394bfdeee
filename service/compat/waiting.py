"""Waits for a job on behalf of a client that expects its pictures in the answer."""

from __future__ import annotations

import asyncio

from fastapi import Request

from service.errors import Draining
from service.jobs import Job
from service.services import Services

CLIENT_CLOSED = 499
"""The log's word for a client that left; nobody is there to read it."""


async def wait_with(request: Request, services: Services, job: Job, *, outlives_client: bool = False) -> Job | None:
    """The finished job; `None` when the client left, and then the job is cancelled unless it outlives him.

    Raises:
        Draining: The server is stopping; the job goes on when it is back.
    """
    waiting = asyncio.create_task(services.generation.wait(job.id))
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({waiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            if not outlives_client:
                await services.generation.cancel(job.id)
            return None
        ended = waiting.result()
    finally:
        waiting.cancel()
        leaving.cancel()
    if not ended.status.is_final:
        raise Draining(
            f"The service is stopping. The job is kept and goes on when it is back: /api/jobs/{job.id}",
            retry_after=10,
            job_id=job.id,
        )
    return ended


async def _left(request: Request) -> None:
    """Returns when the client has closed the connection; the body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
