from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from service.errors import IdempotencyReused, IllegalTransition, NotFound, StaleAttempt, TooManyJobs
from service.ids import IdFactory
from service.jobs import TRANSITIONS, EventKind, Job, JobStatus, Problem
from service.store.base import Idempotency, Move, Room

DONE = Move(JobStatus.DONE, EventKind.DONE)
NOT_YET = Move(JobStatus.QUEUED, EventKind.WAITING, {"reason": "draining"})


def another(job: Job) -> Job:
    return replace(job, id=IdFactory()())


def numbers(stores: Any, job_id: str) -> list[int]:
    return [event.number for event in stores.jobs.events(job_id, 0, 100)]


def test_a_stored_job_reads_back_equal_and_its_first_event_has_number_1(stores: Any, a_job: Job) -> None:
    stored = stores.jobs.add(a_job)
    assert stores.jobs.get(a_job.id) == stored
    assert replace(stored, last_event=0, updated_at=None) == a_job
    assert [(e.number, e.kind) for e in stores.jobs.events(a_job.id, 0, 9)] == [(1, EventKind.QUEUED)]


def test_an_unknown_job_is_none_and_has_no_events(stores: Any) -> None:
    assert stores.jobs.get("0" * 26) is None
    assert stores.jobs.request_cancel("0" * 26) is None
    assert stores.jobs.events("0" * 26, 0, 9) == []
    with pytest.raises(NotFound):
        stores.jobs.move("0" * 26, 1, DONE)


def test_the_oldest_queued_job_is_claimed_first_and_an_empty_queue_gives_none(stores: Any, a_job: Job) -> None:
    second = another(a_job)
    stores.jobs.add(second)
    stores.jobs.add(a_job)
    first, last = sorted((a_job.id, second.id))
    assert (stores.jobs.ahead(first), stores.jobs.ahead(last)) == (0, 1)
    assert stores.jobs.claim("w").id == first
    assert stores.jobs.claim("w").id == last
    assert stores.jobs.claim("w") is None
    assert stores.jobs.ahead(last) == 0


def test_a_worker_that_wants_only_its_own_jobs_leaves_the_others(stores: Any, a_job: Job) -> None:
    stores.jobs.add(a_job)
    assert stores.jobs.claim("stranger", own_only=True) is None
    assert stores.jobs.claim("me", own_only=True).id == a_job.id


def test_each_job_is_claimed_once_however_many_workers_try(stores: Any, a_job: Job) -> None:
    expected = sorted(stores.jobs.add(another(a_job)).id for _ in range(12))
    with ThreadPoolExecutor(6) as pool:
        claimed = list(pool.map(lambda _: stores.jobs.claim("w"), range(24)))
    assert sorted(job.id for job in claimed if job is not None) == expected


def test_events_are_numbered_without_gaps_through_a_whole_life(stores: Any, a_job: Job) -> None:
    stores.jobs.add(a_job)
    for _ in range(3):
        claimed = stores.jobs.claim("w")
        stores.jobs.move(a_job.id, claimed.attempt, NOT_YET)
    claimed = stores.jobs.claim("w")
    done = stores.jobs.move(a_job.id, claimed.attempt, replace(DONE, result={"x": [1]}))
    assert (done.status, done.result, done.attempt) == (JobStatus.DONE, {"x": [1]}, 4)
    assert numbers(stores, a_job.id) == list(range(1, done.last_event + 1))
    assert [e.number for e in stores.jobs.events(a_job.id, 3, 2)] == [4, 5]


@pytest.mark.parametrize("now", [s for s in JobStatus if s is not JobStatus.QUEUED])
@pytest.mark.parametrize("to", list(JobStatus))
def test_a_job_moves_only_along_the_table(stores: Any, a_job: Job, now: JobStatus, to: JobStatus) -> None:
    stores.jobs.add(a_job)
    attempt = stores.jobs.claim("w").attempt
    if now is JobStatus.CANCELLING:
        stores.jobs.request_cancel(a_job.id)
    elif now is not JobStatus.RUNNING:
        stores.jobs.move(a_job.id, attempt, Move(now, EventKind.DONE))
    move = Move(to, EventKind.WAITING)
    if to in TRANSITIONS[now]:
        assert stores.jobs.move(a_job.id, attempt, move).status is to
    else:
        with pytest.raises(IllegalTransition):
            stores.jobs.move(a_job.id, attempt, move)
        assert stores.jobs.get(a_job.id).status is now


def test_a_worker_that_lost_its_job_can_change_nothing(stores: Any, a_job: Job) -> None:
    stores.jobs.add(a_job)
    first = stores.jobs.claim("w1")
    stores.jobs.reclaim(lambda owner: True, 3)
    second = stores.jobs.claim("w2")
    with pytest.raises(StaleAttempt):
        stores.jobs.move(a_job.id, first.attempt, DONE)
    assert stores.jobs.move(a_job.id, second.attempt, DONE).status is JobStatus.DONE


@pytest.mark.parametrize(
    ("prepare", "status"),
    [("queued", JobStatus.CANCELLED), ("running", JobStatus.CANCELLING), ("done", JobStatus.DONE)],
)
def test_cancelling_ends_what_waits_asks_what_runs_and_leaves_what_is_over(
    stores: Any, a_job: Job, prepare: str, status: JobStatus
) -> None:
    stores.jobs.add(a_job)
    if prepare != "queued":
        attempt = stores.jobs.claim("w").attempt
    if prepare == "done":
        stores.jobs.move(a_job.id, attempt, DONE)
    assert stores.jobs.request_cancel(a_job.id).status is status
    assert stores.jobs.request_cancel(a_job.id).status is status


def test_the_same_key_gives_the_same_job_and_another_request_under_it_is_refused(stores: Any, a_job: Job) -> None:
    promise = Idempotency("k", "f")
    assert stores.jobs.by_key(promise) is None
    first = stores.jobs.add(a_job, promise)
    assert stores.jobs.add(another(a_job), promise) == first
    assert stores.jobs.by_key(promise) == first
    for look in (stores.jobs.by_key, lambda p: stores.jobs.add(another(a_job), p)):
        with pytest.raises(IdempotencyReused):
            look(Idempotency("k", "g"))


def test_fifty_submits_at_once_under_one_key_make_one_job(stores: Any, a_job: Job) -> None:
    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(lambda _: stores.jobs.add(another(a_job), Idempotency("k", "f")).id, range(50)))
    assert len(set(made)) == 1
    assert [job.id for job in stores.jobs.page(9)] == made[:1]


def test_a_full_queue_refuses_and_stores_nothing(stores: Any, a_job: Job) -> None:
    stores.jobs.add(a_job, room=Room(1))
    with pytest.raises(TooManyJobs) as refused:
        stores.jobs.add(another(a_job), room=Room(1))
    assert refused.value.facts["limit"] == 1
    assert len(stores.jobs.page(9)) == 1


def test_the_jobs_of_a_dead_worker_go_back_into_the_queue_and_others_stay(stores: Any, a_job: Job) -> None:
    other = another(a_job)
    stores.jobs.add(a_job)
    stores.jobs.claim("dead")
    stores.jobs.add(other)
    stores.jobs.claim("alive")
    back = stores.jobs.reclaim(lambda owner: owner == "dead", 3)
    assert [(job.id, job.status, job.crashes) for job in back] == [(a_job.id, JobStatus.QUEUED, 1)]
    assert stores.jobs.get(other.id).status is JobStatus.RUNNING
    assert stores.jobs.reclaim(lambda owner: owner == "dead", 3) == ()


def test_a_job_whose_workers_keep_dying_fails_as_poisoned(stores: Any, a_job: Job) -> None:
    stores.jobs.add(a_job)
    for _ in range(3):
        assert stores.jobs.claim("dead") is not None
        stores.jobs.reclaim(lambda owner: True, 3)
    job = stores.jobs.get(a_job.id)
    assert job.status is JobStatus.FAILED
    assert isinstance(job.problem, Problem) and job.problem.code == "job_poisoned"
    assert numbers(stores, a_job.id) == list(range(1, job.last_event + 1))


def test_a_job_that_was_being_cancelled_when_its_worker_died_is_cancelled(stores: Any, a_job: Job) -> None:
    stores.jobs.add(a_job)
    stores.jobs.claim("dead")
    stores.jobs.request_cancel(a_job.id)
    assert [job.status for job in stores.jobs.reclaim(lambda owner: True, 3)] == [JobStatus.CANCELLED]


def test_pages_go_from_the_newest_to_the_oldest_without_overlap(stores: Any, a_job: Job) -> None:
    ids = sorted((stores.jobs.add(another(a_job)).id for _ in range(5)), reverse=True)
    first = [job.id for job in stores.jobs.page(2)]
    second = [job.id for job in stores.jobs.page(3, first[-1])]
    assert first + second == ids
