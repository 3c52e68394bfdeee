"""`JobStore` in SQL. Every move is guarded by the attempt, and numbers its event in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from service.errors import IdempotencyReused, NotFound, StaleAttempt, TooManyJobs
from service.ids import Clock, utc_now, utc_text
from service.jobs import EventKind, Job, JobEvent, JobStatus, Problem, check_transition
from service.store.base import Idempotency, Move
from service.store.database import Database
from service.store.rows import event_of, job_of, job_row, problem_row
from service.store.tables import idempotency_keys, job_events, jobs

FIRST_EVENT = {
    JobStatus.QUEUED: EventKind.QUEUED,
    JobStatus.DONE: EventKind.DONE,
    JobStatus.FAILED: EventKind.FAILED,
}
ACTIVE = (str(JobStatus.RUNNING), str(JobStatus.CANCELLING))


class SqlJobStore:
    """Jobs and their events; see `service.store.base.JobStore`."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def add(self, job: Job, idempotency: Idempotency | None = None, max_waiting: int | None = None) -> Job:
        """Store a new job and its first event; or give the job stored under the same key."""
        with self._database.write() as connection:
            if idempotency is not None:
                known = _under_key(connection, idempotency)
                if known is not None:
                    return known
            _check_room(connection, max_waiting)
            connection.execute(insert(jobs).values(**job_row(job)))
            if idempotency is not None:
                connection.execute(
                    insert(idempotency_keys).values(
                        key=idempotency.key,
                        fingerprint=idempotency.fingerprint,
                        job_id=job.id,
                        created_at=utc_text(self._clock()),
                    )
                )
            self.append_event(connection, job.id, FIRST_EVENT[job.status], {"status": str(job.status)})
            return _job(connection, job.id)

    def get(self, job_id: str) -> Job | None:
        """The job, or `None`."""
        with self._database.read() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one_or_none()
        return None if row is None else job_of(row)

    def by_key(self, idempotency: Idempotency) -> Job | None:
        """The job stored under the key, or `None`."""
        with self._database.read() as connection:
            return _under_key(connection, idempotency)

    def page(self, limit: int, before: str | None = None) -> Sequence[Job]:
        """Newest first; `before` is the last id of the page above."""
        query = select(jobs).order_by(jobs.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(jobs.c.id < before)
        with self._database.read() as connection:
            return [job_of(row) for row in connection.execute(query).mappings()]

    def ahead(self, job_id: str) -> int:
        """How many queued jobs will be claimed before this one; 0 when it is not queued."""
        queued = str(JobStatus.QUEUED)
        mine = select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.status == queued)
        query = select(func.count()).where(jobs.c.status == queued, jobs.c.id < mine.scalar_subquery())
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def claim(self, owner: str, *, own_only: bool = False) -> Job | None:
        """The oldest queued job, now running with a new attempt; `None` when nothing waits."""
        query = select(jobs.c.id, jobs.c.attempt).where(jobs.c.status == str(JobStatus.QUEUED))
        if own_only:
            query = query.where(jobs.c.origin == owner)
        with self._database.write() as connection:
            found = connection.execute(query.order_by(jobs.c.id).limit(1)).one_or_none()
            if found is None:
                return None
            job_id, attempt = found
            connection.execute(
                update(jobs)
                .where(jobs.c.id == job_id)
                .values(status=str(JobStatus.RUNNING), attempt=attempt + 1, owner=owner)
            )
            self.append_event(
                connection, job_id, EventKind.STARTED, {"status": str(JobStatus.RUNNING), "attempt": attempt + 1}
            )
            return _job(connection, job_id)

    def move(self, job_id: str, attempt: int, move: Move) -> Job:
        """Move a claimed job on."""
        with self._database.write() as connection:
            job = _job(connection, job_id)
            if job.attempt != attempt:
                raise StaleAttempt("Another worker has taken this job over.", got=attempt, now=job.attempt)
            check_transition(job.status, move.to)
            self._write_move(connection, job_id, move)
            return _job(connection, job_id)

    def request_cancel(self, job_id: str) -> Job | None:
        """Queued becomes cancelled, running becomes cancelling, anything else stays; `None`: no such job."""
        with self._database.write() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one_or_none()
            if row is None:
                return None
            status = JobStatus(row["status"])
            if status is JobStatus.QUEUED:
                self._write_move(connection, job_id, Move(JobStatus.CANCELLED, EventKind.CANCELLED))
            elif status is JobStatus.RUNNING:
                self._write_move(connection, job_id, Move(JobStatus.CANCELLING, EventKind.CANCELLING))
            return _job(connection, job_id)

    def reclaim(self, is_dead: Callable[[str], bool], max_crashes: int) -> Sequence[Job]:
        """Put the jobs of dead owners back into the queue."""
        with self._database.read() as connection:
            query = select(jobs.c.owner).where(jobs.c.status.in_(ACTIVE), jobs.c.owner.is_not(None)).distinct()
            owners = connection.execute(query).scalars().all()
        dead = [owner for owner in owners if owner is not None and is_dead(owner)]
        if not dead:
            return ()
        with self._database.write() as connection:
            query_rows = select(jobs).where(jobs.c.status.in_(ACTIVE), jobs.c.owner.in_(dead))
            left = [job_of(row) for row in connection.execute(query_rows).mappings().all()]
            for job in left:
                self._write_move(connection, job.id, _after_crash(job, max_crashes), crashes=job.crashes + 1)
            return [_job(connection, job.id) for job in left]

    def forget_keys(self, before: datetime) -> int:
        """Forget idempotency keys older than `before`; returns how many."""
        query = delete(idempotency_keys).where(idempotency_keys.c.created_at < utc_text(before))
        with self._database.write() as connection:
            return connection.execute(query).rowcount

    def events(self, job_id: str, after: int, limit: int) -> Sequence[JobEvent]:
        """Events with a number above `after`, in order, at most `limit`."""
        query = (
            select(job_events)
            .where(job_events.c.job_id == job_id, job_events.c.number > after)
            .order_by(job_events.c.number)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [event_of(row) for row in connection.execute(query).mappings()]

    def append_event(self, connection: Connection, job_id: str, kind: EventKind, data: dict[str, Any]) -> JobEvent:
        """Number and store an event inside the caller's write transaction."""
        now = self._clock()
        number = connection.execute(
            update(jobs)
            .where(jobs.c.id == job_id)
            .values(last_event=jobs.c.last_event + 1, updated_at=utc_text(now))
            .returning(jobs.c.last_event)
        ).scalar_one()
        connection.execute(
            insert(job_events).values(job_id=job_id, number=number, kind=str(kind), data=data, at=utc_text(now))
        )
        return JobEvent(job_id, number, kind, data, now)

    def _write_move(self, connection: Connection, job_id: str, move: Move, **columns: object) -> None:
        values: dict[str, object] = {"status": str(move.to), **columns}
        if move.to not in (JobStatus.RUNNING, JobStatus.CANCELLING):
            values["owner"] = None
        if move.result is not None:
            values["result"] = move.result
        if move.problem is not None:
            values["problem"] = problem_row(move.problem)
        if move.spell_id is not None:
            values |= {"spell_id": move.spell_id, "spell_version": move.spell_version}
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(**values))
        data = {"status": str(move.to), **move.data}
        if move.problem is not None:
            data["problem"] = problem_row(move.problem)
        self.append_event(connection, job_id, move.event, data)


def _job(connection: Connection, job_id: str) -> Job:
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one_or_none()
    if row is None:
        raise NotFound
    return job_of(row)


def _under_key(connection: Connection, idempotency: Idempotency) -> Job | None:
    query = select(idempotency_keys).where(idempotency_keys.c.key == idempotency.key)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    if row["fingerprint"] != idempotency.fingerprint:
        raise IdempotencyReused("This Idempotency-Key was used for a different request. Send a new key.")
    return _job(connection, row["job_id"])


def _check_room(connection: Connection, max_waiting: int | None) -> None:
    if max_waiting is None:
        return
    query = select(func.count()).where(jobs.c.status == str(JobStatus.QUEUED))
    waiting = connection.execute(query).scalar_one()
    if waiting >= max_waiting:
        raise TooManyJobs(
            f"{waiting} jobs are waiting already; the limit is {max_waiting}. Try again in 30 s.",
            got=waiting,
            limit=max_waiting,
            retry_after=30,
        )


def _after_crash(job: Job, max_crashes: int) -> Move:
    if job.status is JobStatus.CANCELLING:
        return Move(JobStatus.CANCELLED, EventKind.CANCELLED, {"reason": "worker_died"})
    if job.crashes + 1 >= max_crashes:
        sentence = f"The worker died {job.crashes + 1} times while it worked on this job; it is not tried again."
        return Move(JobStatus.FAILED, EventKind.FAILED, problem=Problem("job_poisoned", sentence))
    return Move(JobStatus.QUEUED, EventKind.WAITING, {"reason": "worker_died"})
