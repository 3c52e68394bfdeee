"""What one tenant stores does not exist for another, in any store, on either database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from service.auth.caller import DEFAULT_SCOPES
from service.auth.keys import ApiKey, digest_of, new_token
from service.errors import NotFound, TooManyJobs
from service.ids import IdFactory, utc_now
from service.jobs import EventKind, ImageRecord, Job, JobStatus, Upload
from service.spells import Author, ChatTurn, SpellVersion
from service.store.base import Idempotency, Move, Room

new_id = IdFactory()
BLOB = "images/ab/" + "ab" * 32 + ".png"


def another(job: Job) -> Job:
    return replace(job, id=new_id())


def test_a_foreign_job_is_no_job(stores: Any, a_job: Job) -> None:
    ann, bob = stores.of("ann"), stores.of("bob")
    stored = ann.jobs.add(a_job)
    assert (stored.tenant, ann.jobs.get(a_job.id)) == ("ann", stored)
    assert bob.jobs.get(a_job.id) is None
    assert bob.jobs.request_cancel(a_job.id) is None
    assert (bob.jobs.events(a_job.id, 0, 9), bob.jobs.page(9), bob.jobs.ahead(a_job.id)) == ([], [], 0)
    assert ann.jobs.get(a_job.id).status is JobStatus.QUEUED
    assert [job.id for job in ann.jobs.page(9)] == [a_job.id]


def test_two_tenants_may_use_the_same_idempotency_key(stores: Any, a_job: Job) -> None:
    ann, bob = stores.of("ann"), stores.of("bob")
    first = ann.jobs.add(a_job, Idempotency("k", "f"))
    assert bob.jobs.by_key(Idempotency("k", "f")) is None
    second = bob.jobs.add(another(a_job), Idempotency("k", "another request"))
    assert first.id != second.id
    assert ann.jobs.by_key(Idempotency("k", "f")) == first


def test_a_foreign_spell_is_no_spell(stores: Any, a_job: Job) -> None:
    assert a_job.spell is not None
    ann, bob = stores.of("ann"), stores.of("bob")
    version = SpellVersion(new_id(), 1, None, Author.EDIT, a_job.spell, utc_now())
    turn = ChatTurn(version.spell_id, 0, "hello", "yes", "offline", 1, utc_now())
    ann.spells.create(version)
    ann.spells.add_turn(turn)
    assert bob.spells.head(version.spell_id) is None
    assert bob.spells.version(version.spell_id, 1) is None
    assert (bob.spells.versions(version.spell_id), bob.spells.turns(version.spell_id), bob.spells.page(9)) == (
        [], [], [],
    )  # fmt: skip
    for change in (lambda: bob.spells.append(version, 1), lambda: bob.spells.add_turn(turn)):
        with pytest.raises(NotFound):
            change()
    assert len(ann.spells.versions(version.spell_id)) == len(ann.spells.turns(version.spell_id)) == 1


def test_a_picture_belongs_to_its_job_s_tenant_whoever_draws_it(stores: Any, a_job: Job) -> None:
    ann, bob = stores.of("ann"), stores.of("bob")
    ann.jobs.add(a_job)
    running = stores.jobs.claim("w")
    made = ImageRecord(
        new_id(), a_job.id, 0, BLOB, "ab" * 32, 99, 64, 32, running.slot_spell(0), utc_now(), ()
    )  # fmt: skip
    stores.images.add(made, running.attempt)
    assert ann.images.get(made.id) == made
    assert bob.images.get(made.id) is None
    assert (bob.images.of_job(a_job.id), bob.images.page(9)) == ([], [])
    assert bob.images.of_jobs([a_job.id]) == {}


def test_a_foreign_upload_is_no_upload(stores: Any, a_job: Job) -> None:
    ann, bob = stores.of("ann"), stores.of("bob")
    upload = Upload(new_id(), "uploads/cd/" + "cd" * 32 + ".jpg", "cd" * 32, 5, utc_now())
    ann.images.add_upload(upload)
    assert (ann.images.upload(upload.id), bob.images.upload(upload.id)) == (upload, None)


def test_one_tenant_s_full_part_of_the_queue_leaves_room_for_the_others(stores: Any, a_job: Job) -> None:
    ann, bob = stores.of("ann"), stores.of("bob")
    room = Room(whole=3, of_tenant=2)
    for _ in range(2):
        ann.jobs.add(another(a_job), room=room)
    with pytest.raises(TooManyJobs) as refused:
        ann.jobs.add(another(a_job), room=room)
    assert refused.value.stable_code == "queue_full_tenant"
    bob.jobs.add(another(a_job), room=room)
    with pytest.raises(TooManyJobs) as refused:
        bob.jobs.add(another(a_job), room=room)
    assert refused.value.stable_code == "queue_full"


def test_tenants_take_turns_however_long_one_queue_is(stores: Any, a_job: Job) -> None:
    for _ in range(6):
        stores.of("flood").jobs.add(another(a_job))
    small = [stores.of(name).jobs.add(another(a_job)).id for name in ("ann", "bob")]
    assert [stores.of(name).jobs.ahead(job) for name, job in zip(("ann", "bob"), small, strict=True)] == [1, 2]
    order = []
    for _ in range(8):
        job = stores.jobs.claim("w")
        order.append(job.tenant)
        stores.jobs.move(job.id, job.attempt, Move(JobStatus.DONE, EventKind.DONE))
    assert order == ["flood", "ann", "bob", "flood", "flood", "flood", "flood", "flood"]


def test_who_has_fewest_jobs_in_work_goes_first(stores: Any, a_job: Job) -> None:
    for _ in range(4):
        stores.of("flood").jobs.add(another(a_job))
    assert [stores.jobs.claim("w").tenant for _ in range(2)] == ["flood", "flood"]
    stores.of("ann").jobs.add(another(a_job))
    stores.of("ann").jobs.add(another(a_job))
    assert [stores.jobs.claim("w").tenant for _ in range(3)] == ["ann", "ann", "flood"]


def test_a_worker_may_leave_tenants_out(stores: Any, a_job: Job) -> None:
    stores.of("ann").jobs.add(another(a_job))
    assert stores.jobs.claim("w", but_not={"ann"}) is None
    stores.of("bob").jobs.add(another(a_job))
    assert stores.jobs.claim("w", but_not={"ann"}).tenant == "bob"


def test_a_key_reads_back_without_its_secret_and_is_ended_once(stores: Any) -> None:
    token = new_token(new_id())
    key = ApiKey(new_id(), "ann", "laptop", DEFAULT_SCOPES, digest_of(token), utc_now())
    assert not stores.keys.has_any()
    stores.keys.add(key)
    assert (stores.keys.get(key.id), list(stores.keys.all()), stores.keys.has_any()) == (key, [key], True)
    ended = stores.keys.revoke(key.id)
    assert ended.is_revoked
    assert stores.keys.revoke(key.id) == ended
    assert stores.keys.revoke(new_id()) is None
    assert stores.keys.has_any()


def test_a_lease_that_is_renewed_holds_and_one_that_ran_out_goes_back(
    stores: Any, a_job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.store.job_store.LEASE_SECONDS", -1.0)
    stores.jobs.add(a_job)
    first = stores.jobs.claim("hung")
    assert stores.jobs.reclaim(lambda owner: False, 3, me="hung") == ()
    monkeypatch.setattr("service.store.job_store.LEASE_SECONDS", 20.0)
    stores.jobs.renew("hung")
    assert stores.jobs.reclaim(lambda owner: False, 3, me="other") == ()
    monkeypatch.setattr("service.store.job_store.LEASE_SECONDS", -1.0)
    stores.jobs.renew("hung")
    back = stores.jobs.reclaim(lambda owner: False, 3, me="other")
    assert [(job.id, job.status, job.crashes) for job in back] == [(first.id, JobStatus.QUEUED, 1)]
