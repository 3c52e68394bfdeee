"""`JobStore` in SQL. Every move is guarded by the attempt, and numbers its event in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Connection, Select, delete, func, insert, or_, select, update

from service.auth.caller import LOCAL
from service.errors import IdempotencyReused, NotFound, StaleAttempt, TooManyJobs
from service.ids import Clock, utc_now, utc_text
from service.jobs import EventKind, Job, JobEvent, JobKind, JobStatus, Problem, check_transition
from service.store.base import LEASE_SECONDS, Idempotency, Move, Room
from service.store.database import Database
from service.store.rows import event_of, job_of, job_row, problem_row
from service.store.tables import idempotency_keys, images, job_events, jobs, webhook_deliveries
from service.store.turns import ACTIVE, enter, jobs_before, line, take_turn
from service.store.webhook_store import add_delivery
from service.webhooks import Delivery, DeliveryStatus

FIRST_EVENT = {
    JobStatus.QUEUED: EventKind.QUEUED,
    JobStatus.DONE: EventKind.DONE,
    JobStatus.FAILED: EventKind.FAILED,
}


class SqlJobStore:
    """Jobs and their events; see `service.store.base.JobStore` and `JobQueue`.

    Args:
        database: Where they are.
        clock: Dates events.
        tenant: Whose jobs this store sees; `None` sees all of them (the workers and the housekeeping).
        webhook_url: Told of every job that brings no address of its own; `None` tells nobody.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock = utc_now,
        tenant: str | None = None,
        *,
        webhook_url: str | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._tenant = tenant
        self._webhook_url = webhook_url

    def of(self, tenant: str) -> Self:
        """The same jobs as far as `tenant` sees them."""
        return type(self)(self._database, self._clock, tenant, webhook_url=self._webhook_url)

    def add(self, job: Job, idempotency: Idempotency | None = None, room: Room | None = None) -> Job:
        """Store a new job and its first event; or give the job stored under the same key."""
        job = job if self._tenant is None else replace(job, tenant=self._tenant)
        with self._database.write() as connection:
            enter(connection, job.tenant)
            if idempotency is not None:
                known = _under_key(connection, job.tenant, idempotency)
                if known is not None:
                    return known
            if room is not None:
                _check_room(connection, job.tenant, room)
            connection.execute(insert(jobs).values(**job_row(job)))
            url = job.webhook_url or self._webhook_url
            if url is not None:  # in the job's own transaction: no end of a job may go untold
                waiting = DeliveryStatus.WAITING
                add_delivery(
                    connection, Delivery(job.id, job.id, job.tenant, url, waiting, 0, job.created_at, job.created_at)
                )
            if idempotency is not None:
                connection.execute(
                    insert(idempotency_keys).values(
                        tenant=job.tenant,
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
            row = connection.execute(self._mine(select(jobs).where(jobs.c.id == job_id))).mappings().one_or_none()
        return None if row is None else job_of(row)

    def by_key(self, idempotency: Idempotency) -> Job | None:
        """The job stored under the key, or `None`."""
        with self._database.read() as connection:
            return _under_key(connection, self._tenant or LOCAL, idempotency)

    def page(self, limit: int, before: str | None = None) -> Sequence[Job]:
        """Newest first; `before` is the last id of the page above."""
        query = self._mine(select(jobs)).order_by(jobs.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(jobs.c.id < before)
        with self._database.read() as connection:
            return [job_of(row) for row in connection.execute(query).mappings()]

    def ahead(self, job_id: str) -> int:
        """About how many queued jobs will be claimed before this one; 0 when it is not queued."""
        waits = select(jobs.c.tenant).where(jobs.c.id == job_id, jobs.c.status == str(JobStatus.QUEUED))
        with self._database.read() as connection:
            tenant = connection.execute(self._mine(waits)).scalar_one_or_none()
            return 0 if tenant is None else jobs_before(connection, job_id, tenant)

    def claim(self, owner: str, *, own_only: bool = False, but_not: Collection[str] = ()) -> Job | None:
        """The next tenant's oldest queued job, now running with a new attempt; `None` when nothing waits."""
        origin = owner if own_only else None
        with self._database.write() as connection:
            for place in line(connection, origin=origin, but_not=but_not):
                job = self._claim_of(connection, owner, place.tenant, origin)
                if job is not None:
                    return job
        return None

    def _claim_of(self, connection: Connection, owner: str, tenant: str, origin: str | None) -> Job | None:
        query = select(jobs.c.id, jobs.c.attempt).where(jobs.c.status == str(JobStatus.QUEUED), jobs.c.tenant == tenant)
        if origin is not None:
            query = query.where(jobs.c.origin == origin)
        found = connection.execute(query.order_by(jobs.c.id).limit(1).with_for_update(skip_locked=True)).one_or_none()
        if found is None:
            return None
        job_id, attempt = found
        until = self._database.now(connection, LEASE_SECONDS)
        connection.execute(
            update(jobs)
            .where(jobs.c.id == job_id)
            .values(status=str(JobStatus.RUNNING), attempt=attempt + 1, owner=owner, lease_until=until)
        )
        data = {"status": str(JobStatus.RUNNING), "attempt": attempt + 1}
        self.append_event(connection, job_id, EventKind.STARTED, data)
        take_turn(connection, tenant)
        return _job(connection, job_id)

    def counts(self) -> dict[str, int]:
        """How many jobs there are, by status."""
        with self._database.read() as connection:
            found = connection.execute(select(jobs.c.status, func.count()).group_by(jobs.c.status))
            known = {status: count for status, count in found}
        return {str(status): known.get(str(status), 0) for status in JobStatus}

    def renew(self, owner: str) -> None:
        """Every job that `owner` works on stays its own for another `LEASE_SECONDS`."""
        with self._database.write() as connection:
            until = self._database.now(connection, LEASE_SECONDS)
            held = update(jobs).where(jobs.c.status.in_(ACTIVE), jobs.c.owner == owner)
            connection.execute(held.values(lease_until=until))

    def move(self, job_id: str, attempt: int, move: Move) -> Job:
        """Move a claimed job on."""
        with self._database.write() as connection:
            job = _job(connection, job_id, lock=True)
            if job.attempt != attempt:
                raise StaleAttempt("Another worker has taken this job over.", got=attempt, now=job.attempt)
            check_transition(job.status, move.to)
            self._write_move(connection, job_id, move)
            return _job(connection, job_id)

    def request_cancel(self, job_id: str) -> Job | None:
        """Queued becomes cancelled, running becomes cancelling, anything else stays; `None`: no such job."""
        with self._database.write() as connection:
            query = self._mine(select(jobs).where(jobs.c.id == job_id)).with_for_update()
            row = connection.execute(query).mappings().one_or_none()
            if row is None:
                return None
            status = JobStatus(row["status"])
            if status is JobStatus.QUEUED:
                self._write_move(connection, job_id, Move(JobStatus.CANCELLED, EventKind.CANCELLED))
            elif status is JobStatus.RUNNING:
                self._write_move(connection, job_id, Move(JobStatus.CANCELLING, EventKind.CANCELLING))
            return _job(connection, job_id)

    def skip(self, job_id: str) -> int | None:
        """Pass over the first slot without a picture, with an event; `None`: nothing of this job is being drawn."""
        with self._database.write() as connection:
            drawn = (jobs.c.status == str(JobStatus.RUNNING)) & (jobs.c.kind == str(JobKind.GENERATE))
            query = self._mine(select(jobs.c.count).where(jobs.c.id == job_id, drawn)).with_for_update()
            count = connection.execute(query).scalar_one_or_none()
            if count is None:
                return None
            finished = connection.execute(select(images.c.slot).where(images.c.job_id == job_id)).scalars()
            closed = {*finished, *skipped_slots(connection, job_id)}
            slot = next((slot for slot in range(count) if slot not in closed), None)
            if slot is not None:
                self.append_event(connection, job_id, EventKind.SKIPPED, {"slot": slot})
            return slot

    def skipped(self, job_id: str) -> frozenset[int]:
        """The slots that were passed over."""
        with self._database.read() as connection:
            return skipped_slots(connection, job_id)

    def reclaim(self, is_dead: Callable[[str], bool], max_crashes: int, me: str = "") -> Sequence[Job]:
        """Put the jobs of dead owners, and those whose lease ran out, back into the queue."""
        active = jobs.c.status.in_(ACTIVE)
        with self._database.read() as connection:
            owners = connection.execute(select(jobs.c.owner).where(active).distinct()).scalars().all()
            dead = [owner for owner in owners if owner is not None and is_dead(owner)]
            ran_out = jobs.c.lease_until < self._database.now(connection)
            lost = active & or_(jobs.c.owner.in_(dead), ran_out & (jobs.c.owner != me))
            if connection.execute(select(jobs.c.id).where(lost).limit(1)).first() is None:
                return ()
        with self._database.write() as connection:
            query = select(jobs).where(lost).order_by(jobs.c.id).with_for_update(skip_locked=True)
            left = [job_of(row) for row in connection.execute(query).mappings().all()]
            for job in left:
                self._write_move(connection, job.id, _after_crash(job, max_crashes), crashes=job.crashes + 1)
            return [_job(connection, job.id) for job in left]

    def forget_keys(self, before: datetime) -> int:
        """Forget idempotency keys older than `before`; returns how many."""
        query = delete(idempotency_keys).where(idempotency_keys.c.created_at < utc_text(before))
        with self._database.write() as connection:
            return connection.execute(query).rowcount

    def forget_messages(self, before: datetime) -> int:
        """Forget messages to other servers from before `before` that were sent or given up; returns how many."""
        over = webhook_deliveries.c.status != str(DeliveryStatus.WAITING)
        query = delete(webhook_deliveries).where(over, webhook_deliveries.c.created_at < utc_text(before))
        with self._database.write() as connection:
            return connection.execute(query).rowcount

    def events(self, job_id: str, after: int, limit: int) -> Sequence[JobEvent]:
        """Events with a number above `after`, in order, at most `limit`."""
        query = select(job_events).where(job_events.c.job_id == job_id, job_events.c.number > after)
        if self._tenant is not None:
            query = query.join(jobs, jobs.c.id == job_events.c.job_id).where(jobs.c.tenant == self._tenant)
        query = query.order_by(job_events.c.number).limit(limit)
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
            values |= {"owner": None, "lease_until": None}
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

    def _mine(self, query: Select[Any]) -> Select[Any]:
        return query if self._tenant is None else query.where(jobs.c.tenant == self._tenant)


def skipped_slots(connection: Connection, job_id: str) -> frozenset[int]:
    """The slots of a job that were passed over, inside the caller's transaction."""
    query = select(job_events.c.data).where(job_events.c.job_id == job_id, job_events.c.kind == str(EventKind.SKIPPED))
    return frozenset(int(data["slot"]) for data in connection.execute(query).scalars())


def _job(connection: Connection, job_id: str, *, lock: bool = False) -> Job:
    query = select(jobs).where(jobs.c.id == job_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        raise NotFound
    return job_of(row)


def _under_key(connection: Connection, tenant: str, idempotency: Idempotency) -> Job | None:
    query = select(idempotency_keys).where(
        idempotency_keys.c.tenant == tenant, idempotency_keys.c.key == idempotency.key
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    if row["fingerprint"] != idempotency.fingerprint:
        raise IdempotencyReused("This Idempotency-Key was used for a different request. Send a new key.")
    return _job(connection, row["job_id"])


def _check_room(connection: Connection, tenant: str, room: Room) -> None:
    query = select(func.count()).where(jobs.c.status == str(JobStatus.QUEUED))
    own = connection.execute(query.where(jobs.c.tenant == tenant)).scalar_one()
    if room.of_tenant is not None and own >= room.of_tenant:
        raise TooManyJobs(
            f"{own} jobs of yours are waiting already; the limit is {room.of_tenant}. Try again in 30 s.",
            got=own,
            limit=room.of_tenant,
            retry_after=30,
        ).with_code("queue_full_tenant")
    waiting = connection.execute(query).scalar_one()
    if waiting >= room.whole:
        raise TooManyJobs(
            f"{waiting} jobs are waiting already; the limit is {room.whole}. Try again in 30 s.",
            got=waiting,
            limit=room.whole,
            retry_after=30,
        )


def _after_crash(job: Job, max_crashes: int) -> Move:
    if job.status is JobStatus.CANCELLING:
        return Move(JobStatus.CANCELLED, EventKind.CANCELLED, {"reason": "worker_died"})
    if job.crashes + 1 >= max_crashes:
        sentence = f"The worker died {job.crashes + 1} times while it worked on this job; it is not tried again."
        return Move(JobStatus.FAILED, EventKind.FAILED, problem=Problem("job_poisoned", sentence))
    return Move(JobStatus.QUEUED, EventKind.WAITING, {"reason": "worker_died"})
