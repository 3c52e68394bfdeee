"""Run use cases from the command line: in this process, on the same store as the service."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from prompts.errors import SpellwrightError
from service.assembly import build
from service.bus.base import Progress as JobProgress
from service.jobs import Job, JobStatus
from service.services import Services
from service.settings import Settings, load_settings

Result = TypeVar("Result")
SILENCE_SECONDS = 1.0


def run(work: Callable[[Services], Awaitable[Result]], settings: Settings | None = None) -> Result:
    """What `work` returns, with the use cases wired and stopped around it.

    Jobs of a server on the same data folder are left to that server.
    """

    async def whole() -> Result:
        async with build(settings or load_settings(), own_only=True) as services:
            return await work(services)

    return asyncio.run(whole())


async def watch(services: Services, job: Job, label: str, *, quiet: bool = False) -> Job:
    """Follow `job` to its end under a progress bar with the remaining time; Ctrl+C cancels it.

    Args:
        services: Where the job runs.
        job: As it was submitted.
        label: Shown before the bar.
        quiet: Show nothing.

    Raises:
        SpellwrightError: The job failed; its own code and sentence.
    """
    console = Console(stderr=True, quiet=quiet)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(label, total=None, state="waiting")
        try:
            async for news in services.generation.follow(job.id, 0, SILENCE_SECONDS):
                if isinstance(news, JobProgress):
                    bar.update(task, total=news.total, completed=news.done, state=_state(news))
        except asyncio.CancelledError:
            await services.generation.cancel(job.id)
            raise
        done = await services.generation.get(job.id)
        bar.update(task, total=1, completed=1, state=str(done.status))
    return _succeeded(done)


def _state(progress: JobProgress) -> str:
    eta = "" if progress.eta_seconds is None else f", {progress.eta_seconds:.0f} s left"
    return f"{progress.phase} {progress.done}/{progress.total}{eta}"


def _succeeded(job: Job) -> Job:
    if job.status is JobStatus.FAILED and job.problem is not None:
        error = SpellwrightError(job.problem.detail, **job.problem.facts)
        error.with_code(job.problem.code)
        raise error
    if job.status is not JobStatus.DONE:
        raise SpellwrightError("The job was cancelled.").with_code("job_cancelled")
    return job
