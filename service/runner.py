"""Claims jobs and sees each to its end, whatever happens to the handler, the disk or the process."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from typing import Protocol

from prompts.errors import SpellwrightError
from service.audit import ACTOR, WORKER, Actor
from service.backbone import Backbone
from service.bus.base import Moved
from service.errors import DatabaseUnavailable, DiskFull, ServiceError, StaleAttempt
from service.image_job import EngineStopped
from service.jobs import EventKind, Job, JobKind, JobStatus, Problem
from service.store.base import LEASE_SECONDS, Move

LOOK_AROUND_SECONDS = 5.0  # between two looks for work that nobody announced
RETRY_SECONDS = 2.0  # after a full disk or a silent database
PAUSE_SECONDS = 5.0  # before work that found no room is claimed again
MAX_CRASHES = 3
log = logging.getLogger(__name__)


class Handler(Protocol):
    """Does the jobs of one kind."""

    async def run(self, job: Job) -> Move:
        """Do the job and say how it ends; may be called again for a job that was begun before."""
        ...


@dataclass(frozen=True, slots=True)
class RunnerConfig:
    """How a runner behaves."""

    is_dead: Callable[[str], bool]
    """Whether another owner is gone for good."""
    has_room: Callable[[], bool]
    """Whether there is disk to work on."""
    max_running: int = 8
    """Most jobs in work at once."""
    own_only: bool = False
    """Leave jobs alone that another process accepted (the command line beside a server)."""


class Runner:
    """One per process; `start` and `drain` frame its life."""

    def __init__(self, backbone: Backbone, handlers: Mapping[JobKind, Handler], config: RunnerConfig) -> None:
        self._jobs = backbone.jobs
        self._bus = backbone.bus
        self._owner = backbone.owner
        self._handlers = handlers
        self._config = config
        self._bell = asyncio.Event()
        # A job's task sees it to its stored end and is never cancelled; its handler's task may be.
        self._working: dict[str, asyncio.Task[None]] = {}
        self._handling: dict[str, asyncio.Task[Move]] = {}
        self._cancelled: set[str] = set()
        self._tenants: dict[str, str] = {}
        self._is_draining = False
        self._paused_until = float("-inf")  # monotonic seconds
        self._renew_at = float("-inf")  # monotonic seconds
        self._loop_task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin claiming; must be called on the event loop."""
        self._loop_task = asyncio.create_task(self._claim_loop(), name="spellwright-runner")

    def wake(self) -> None:
        """There is something in the queue."""
        self._bell.set()

    def cancel(self, job_id: str) -> None:
        """Stop working on a job at the next step boundary; not in work here: no-op."""
        handling = self._handling.get(job_id)
        if handling is not None:
            self._cancelled.add(job_id)
            handling.cancel()

    def heard(self, moved: Moved) -> None:
        """Something happened to a job in another process: it may be for us to do, or to stop."""
        if moved.status is JobStatus.QUEUED:
            self.wake()
        elif moved.status is JobStatus.CANCELLING:
            self.cancel(moved.job_id)

    async def drain(self) -> None:
        """Stop claiming, put the jobs in work back into the queue, and wait until that is stored."""
        self._is_draining = True
        if self._loop_task is not None:
            self._loop_task.cancel()
            await asyncio.gather(self._loop_task, return_exceptions=True)
        for handling in self._handling.values():
            handling.cancel()
        await asyncio.gather(*self._working.values(), return_exceptions=True)

    async def _claim_loop(self) -> None:
        while True:
            self._bell.clear()
            try:
                await self._keep_leases()
                await self._reclaim()
                await self._heed_other_processes()
                while await self._claim_one():
                    pass
            except (DatabaseUnavailable, DiskFull) as failed:
                log.warning("action=claim outcome=failed code=%s", failed.stable_code)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            except Exception:  # the rim of the queue: it must go on, the log has the traceback
                log.exception("action=claim outcome=bug")
                await asyncio.sleep(RETRY_SECONDS)
                continue
            try:
                await asyncio.wait_for(self._bell.wait(), LOOK_AROUND_SECONDS)
            except TimeoutError:
                continue

    async def _keep_leases(self) -> None:
        if self._working and time.monotonic() >= self._renew_at:
            self._renew_at = time.monotonic() + LEASE_SECONDS / 4
            await asyncio.to_thread(self._jobs.renew, self._owner)

    async def _reclaim(self) -> None:
        for job in await asyncio.to_thread(self._jobs.reclaim, self._config.is_dead, MAX_CRASHES, self._owner):
            log.warning("action=reclaim job=%s status=%s crashes=%d", job.id, job.status, job.crashes)
            self._bus.publish(Moved.of(job))

    async def _heed_other_processes(self) -> None:
        """Stop work that was cancelled through another process: nothing rings our bell for it."""
        for job_id in list(self._handling):
            job = await asyncio.to_thread(self._jobs.get, job_id)
            if job is not None and job.status is JobStatus.CANCELLING:
                self.cancel(job_id)

    async def _claim_one(self) -> bool:
        """Claim the next job; when enough are in work, only one of a tenant that has none: nobody waits for others."""
        is_paused = time.monotonic() < self._paused_until
        is_full = len(self._working) >= self._config.max_running
        if is_paused or len(self._working) >= 2 * self._config.max_running:
            return False
        if not await asyncio.to_thread(self._config.has_room):
            return False
        but_not = frozenset(self._tenants.values()) if is_full else frozenset()
        job = await asyncio.shield(asyncio.ensure_future(self._claim(but_not)))
        return job is not None

    async def _claim(self, but_not: frozenset[str]) -> Job | None:
        """Claim and begin in one piece: a claimed job must never be without its task."""
        own_only = self._config.own_only
        job = await asyncio.to_thread(lambda: self._jobs.claim(self._owner, own_only=own_only, but_not=but_not))
        if job is not None:
            self._tenants[job.id] = job.tenant
            self._bus.publish(Moved.of(job))
            context = copy_context()
            context.run(ACTOR.set, Actor(WORKER, job.tenant))
            handling = asyncio.create_task(self._handlers[job.kind].run(job), name=f"handle-{job.id}", context=context)
            self._handling[job.id] = handling
            self._working[job.id] = asyncio.create_task(self._work(job, handling), name=f"job-{job.id}")
            if self._is_draining:
                handling.cancel()
        return job

    async def _work(self, job: Job, handling: asyncio.Task[Move]) -> None:
        log.info("action=job_start job=%s kind=%s attempt=%d", job.id, job.kind, job.attempt)
        try:
            move = await self._outcome(job, handling)
            self._handling.pop(job.id, None)
            await self._store_end(job, move)
        except StaleAttempt:
            log.warning("action=job_end job=%s outcome=stale", job.id)
        finally:
            handling.cancel()
            self._handling.pop(job.id, None)
            self._working.pop(job.id, None)
            self._tenants.pop(job.id, None)
            self._cancelled.discard(job.id)
            self._bell.set()

    async def _outcome(self, job: Job, handling: asyncio.Task[Move]) -> Move:
        try:
            return await handling
        except (asyncio.CancelledError, EngineStopped):
            return self._stopped(job)
        except StaleAttempt:
            raise
        except DiskFull:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            return Move(JobStatus.QUEUED, EventKind.WAITING, {"reason": "disk_low"})
        except DatabaseUnavailable:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            return Move(JobStatus.QUEUED, EventKind.WAITING, {"reason": "database_unavailable"})
        except SpellwrightError as failed:
            return _failure(failed)
        except Exception:  # the rim of the worker: the job must end, the log has the traceback
            log.exception("action=job_end job=%s outcome=bug", job.id)
            return _failure(ServiceError("The job failed because of a fault in this program; the log has the reason."))

    def _stopped(self, job: Job) -> Move:
        if job.id in self._cancelled:
            return Move(JobStatus.CANCELLED, EventKind.CANCELLED)
        return Move(JobStatus.QUEUED, EventKind.WAITING, {"reason": "draining"})

    async def _store_end(self, job: Job, move: Move) -> None:
        """Store how the job ended; a full disk or silent database is waited for."""
        while True:
            try:
                stored = await asyncio.to_thread(self._end, job, move)
            except StaleAttempt:
                log.warning("action=job_end job=%s outcome=stale", job.id)
                return
            except (DatabaseUnavailable, DiskFull) as failed:
                log.warning("action=job_end job=%s outcome=%s", job.id, failed.stable_code)
                if self._is_draining:
                    return  # the next process finds the dead owner and takes the job up
                await asyncio.sleep(RETRY_SECONDS)
                continue
            log.info("action=job_end job=%s status=%s", job.id, stored.status)
            self._bus.publish(Moved.of(stored))
            return

    def _end(self, job: Job, move: Move) -> Job:
        now = self._jobs.get(job.id)
        if now is not None and now.status is JobStatus.CANCELLING and move.to is JobStatus.QUEUED:
            # Cancelled while the process was draining: it must not come back.
            move = Move(JobStatus.CANCELLED, EventKind.CANCELLED)
        return self._jobs.move(job.id, job.attempt, move)


def _failure(error: SpellwrightError) -> Move:
    problem = Problem(error.stable_code, error.detail, dict(error.facts))
    return Move(JobStatus.FAILED, EventKind.FAILED, problem=problem)
