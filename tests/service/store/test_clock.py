"""A clock that jumps (fault F16): leases go by the database's time, the order of events by their numbers."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from prompts.spell import Spell
from service.ids import IdFactory, utc_now
from service.jobs import EventKind, Job, JobKind, JobStatus
from service.store.base import Move
from service.store.database import Database
from service.store.job_store import SqlJobStore


def test_a_clock_that_jumps_an_hour_loses_no_lease_no_event_and_no_order(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.db")
    database.migrate()
    jumps = iter([0, 1, -1, 5, -24, 0, 1, -1, 0, 3, -3, 0])

    def jumping() -> datetime:
        return utc_now() + timedelta(hours=next(jumps))

    store = SqlJobStore(database, jumping)
    new_id = IdFactory()
    job = store.add(Job(new_id(), JobKind.GENERATE, jumping(), spell=Spell("a cat").evolve(seed=1)))
    claimed = store.claim("worker")
    assert claimed is not None and claimed.id == job.id
    # Another process with another clock looks around: nobody has died, and no lease has run out.
    for hours in (-1, 1, 100):
        other = SqlJobStore(database, lambda hours=hours: utc_now() + timedelta(hours=hours))  # type: ignore[misc]
        assert list(other.reclaim(lambda _: False, 3, "other")) == []
    store.renew("worker")
    store.move(job.id, claimed.attempt, Move(JobStatus.QUEUED, EventKind.WAITING, {"reason": "draining"}))
    again = store.claim("worker")
    assert again is not None and again.attempt == claimed.attempt + 1
    ended = store.move(job.id, again.attempt, Move(JobStatus.DONE, EventKind.DONE))
    events = store.events(job.id, 0, 100)
    assert [event.number for event in events] == list(range(1, ended.last_event + 1))
    assert [str(event.kind) for event in events] == ["queued", "started", "waiting", "started", "done"]
    database.close()
