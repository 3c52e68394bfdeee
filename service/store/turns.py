"""Whose job is next: tenants take turns, so that one full queue does not make the others wait behind it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text, update

from service.jobs import JobStatus
from service.store.tables import jobs, tenants

QUEUED = str(JobStatus.QUEUED)
ACTIVE = (str(JobStatus.RUNNING), str(JobStatus.CANCELLING))


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A tenant in the line; the smallest goes next."""

    active: int
    """Jobs of theirs in work."""
    turn: int
    """Rises with every claim."""
    oldest: str
    """Id of their oldest queued job."""
    tenant: str
    waiting: int
    """Jobs of theirs that wait."""


def line(connection: Connection, *, origin: str | None = None, but_not: Collection[str] = ()) -> list[Place]:
    """The tenants with queued jobs, first the one whose job goes next: fewest jobs in work, then longest unserved.

    Args:
        connection: A transaction.
        origin: Look only at jobs that this process accepted.
        but_not: Tenants to leave out.
    """
    query = select(jobs.c.tenant, func.min(jobs.c.id), func.count()).where(jobs.c.status == QUEUED)
    if origin is not None:
        query = query.where(jobs.c.origin == origin)
    if but_not:
        query = query.where(jobs.c.tenant.not_in(but_not))
    waiting = connection.execute(query.group_by(jobs.c.tenant)).all()
    if len(waiting) <= 1:
        return [Place(0, 0, oldest, tenant, count) for tenant, oldest, count in waiting]
    in_work = select(jobs.c.tenant, func.count()).where(jobs.c.status.in_(ACTIVE)).group_by(jobs.c.tenant)
    active = {tenant: count for tenant, count in connection.execute(in_work)}
    turns = {name: turn for name, turn in connection.execute(select(tenants.c.name, tenants.c.turn))}
    return sorted(
        Place(active.get(tenant, 0), turns.get(tenant, 0), oldest, tenant, count) for tenant, oldest, count in waiting
    )


def jobs_before(connection: Connection, job_id: str, tenant: str) -> int:
    """About how many queued jobs are claimed before this queued one of `tenant`, the tenants taking turns."""
    own = select(func.count()).where(jobs.c.status == QUEUED, jobs.c.tenant == tenant, jobs.c.id < job_id)
    rounds = connection.execute(own).scalar_one()
    places = line(connection)
    mine = next((at for at, place in enumerate(places) if place.tenant == tenant), 0)
    others = sum(min(p.waiting, rounds + (at < mine)) for at, p in enumerate(places) if p.tenant != tenant)
    return rounds + others


def take_turn(connection: Connection, tenant: str) -> None:
    """`tenant` was served: everybody else goes first now."""
    newest = select(func.coalesce(func.max(tenants.c.turn), 0) + 1).scalar_subquery()
    connection.execute(update(tenants).where(tenants.c.name == tenant).values(turn=newest))


def enter(connection: Connection, tenant: str) -> None:
    """Make the tenant known, and hold its row: two submits of one tenant are decided one after the other."""
    connection.execute(
        text("INSERT INTO tenants (name, turn) VALUES (:name, 0) ON CONFLICT DO NOTHING"), {"name": tenant}
    )
    connection.execute(select(tenants.c.name).where(tenants.c.name == tenant).with_for_update())
