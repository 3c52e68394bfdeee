from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from service.errors import NotFound, SlotSkipped, StaleAttempt
from service.ids import IdFactory, utc_now
from service.jobs import EventKind, ImageRecord, Job, JobStatus, Upload
from service.store.base import Move

new_id = IdFactory()
BLOB = "images/ab/" + "ab" * 32 + ".png"


def image(job: Job, slot: int = 0) -> ImageRecord:
    return ImageRecord(
        new_id(), job.id, slot, BLOB, "ab" * 32, 99, 64, 32, job.slot_spell(slot), utc_now(), ("a note",)
    )  # fmt: skip


@pytest.fixture
def running(stores: Any, a_job: Job) -> Job:
    stores.jobs.add(a_job)
    job: Job = stores.jobs.claim("w")
    return job


def test_a_picture_reads_back_equal_and_its_event_names_it(stores: Any, running: Job) -> None:
    made = image(running)
    event = stores.images.add(made, running.attempt)
    assert stores.images.get(made.id) == made
    assert stores.images.of_job(running.id) == [made]
    assert (event.kind, event.number, event.data["image_id"]) == (EventKind.IMAGE, 3, made.id)
    assert stores.jobs.events(running.id, 2, 9) == [event]


def test_a_slot_takes_one_picture_only(stores: Any, running: Job) -> None:
    stores.images.add(image(running, 1), running.attempt)
    with pytest.raises(StaleAttempt):
        stores.images.add(image(running, 1), running.attempt)
    stores.images.add(image(running, 0), running.attempt)
    assert [i.slot for i in stores.images.of_job(running.id)] == [0, 1]
    assert stores.jobs.get(running.id).last_event == 4
    several = stores.images.of_jobs([running.id, new_id()])
    assert several == {running.id: stores.images.of_job(running.id)} and stores.images.of_jobs([]) == {}


def test_a_slot_that_was_passed_over_takes_no_picture_and_one_with_a_picture_is_not_passed_over(
    stores: Any, running: Job
) -> None:
    stores.images.add(image(running, 0), running.attempt)
    assert stores.jobs.skip(running.id) == 1
    event = stores.jobs.events(running.id, 3, 9)[0]
    assert (event.kind, event.number, event.data) == (EventKind.SKIPPED, 4, {"slot": 1})
    assert stores.jobs.skipped(running.id) == frozenset({1})
    with pytest.raises(SlotSkipped):
        stores.images.add(image(running, 1), running.attempt)
    assert [i.slot for i in stores.images.of_job(running.id)] == [0]
    stores.jobs.reclaim(lambda owner: True, 3)
    assert stores.jobs.skip(running.id) is None, "it waits: nothing of it is being drawn"
    again = stores.jobs.claim("w2")
    with pytest.raises(SlotSkipped):
        stores.images.add(image(running, 1), again.attempt)
    for slot in range(2, running.count):
        assert stores.jobs.skip(running.id) == slot
    assert stores.jobs.skip(running.id) is None
    assert stores.jobs.skipped(running.id) == frozenset(range(1, running.count))


def test_nobody_passes_over_another_tenants_picture_or_one_of_a_job_that_is_over(stores: Any, running: Job) -> None:
    assert stores.jobs.of("bob").skip(running.id) is None and stores.jobs.skip(new_id()) is None
    stores.jobs.request_cancel(running.id)
    assert stores.jobs.skip(running.id) is None
    assert stores.jobs.skipped(running.id) == frozenset()


def test_a_worker_that_lost_the_job_stores_no_picture(stores: Any, running: Job) -> None:
    stores.jobs.reclaim(lambda owner: True, 3)
    with pytest.raises(StaleAttempt):
        stores.images.add(image(running), running.attempt)
    again = stores.jobs.claim("w2")
    with pytest.raises(StaleAttempt):
        stores.images.add(image(running), running.attempt)
    stores.images.add(image(running), again.attempt)


def test_a_finished_job_takes_no_more_pictures(stores: Any, running: Job) -> None:
    stores.jobs.move(running.id, running.attempt, Move(JobStatus.CANCELLED, EventKind.CANCELLED))
    with pytest.raises(StaleAttempt):
        stores.images.add(image(running), running.attempt)


def test_a_picture_of_no_job_is_refused(stores: Any, running: Job) -> None:
    with pytest.raises(NotFound):
        stores.images.add(replace(image(running), job_id="0" * 26), 1)


def test_every_blob_that_a_record_names_is_listed_for_the_sweeper(stores: Any, running: Job) -> None:
    upload = Upload(new_id(), "uploads/cd/" + "cd" * 32 + ".jpg", "cd" * 32, 5, utc_now())
    stores.images.add(image(running), running.attempt)
    stores.images.add_upload(upload)
    assert stores.images.upload(upload.id) == upload
    assert stores.images.upload("0" * 26) is None
    assert stores.images.blobs() == {BLOB, upload.blob}
