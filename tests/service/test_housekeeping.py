from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from service.backbone import Backbone
from service.blobs.filesystem import FilesystemBlobs
from service.bus.memory import MemoryBus
from service.housekeeping import clean
from service.ids import IdFactory, utc_now
from service.jobs import Job, JobKind, JobStatus, Upload
from service.store.base import Idempotency
from service.store.database import Database
from service.store.image_store import SqlImageStore
from service.store.job_store import SqlJobStore
from service.store.spell_store import SqlSpellStore
from service.store.webhook_store import SqlDeliveryStore
from service.webhooks import DeliveryStatus

new_id = IdFactory()


@pytest.fixture
def backbone(tmp_path: Path) -> Backbone:
    database = Database(tmp_path / "x.db")
    database.migrate()
    jobs = SqlJobStore(database)
    images = SqlImageStore(database, jobs)
    blobs = FilesystemBlobs(tmp_path / "blobs")
    spells = SqlSpellStore(database)
    return Backbone(jobs, spells, images, blobs, MemoryBus(), lambda: utc_now() + timedelta(hours=2), new_id, "me")


def upload(backbone: Backbone, data: bytes, status: JobStatus) -> Upload:
    blob = backbone.blobs.put("uploads", data, "png")
    made = Upload(new_id(), blob.key, blob.sha256, blob.bytes, utc_now())
    backbone.images.add_upload(made)
    job = Job(new_id(), JobKind.INTERROGATE, utc_now(), status=status, upload_id=made.id, mode="fast")
    backbone.jobs.add(job, Idempotency(made.id, "f"))
    return made


def test_the_photo_of_a_finished_job_goes_and_that_of_a_waiting_one_stays(backbone: Backbone, tmp_path: Path) -> None:
    done = upload(backbone, b"done", JobStatus.DONE)
    waiting = upload(backbone, b"waiting", JobStatus.QUEUED)
    old = time.time() - 7200
    for path in (tmp_path / "blobs").rglob("*.png"):
        os.utime(path, (old, old))
    assert clean(backbone) == (1, 1)
    assert backbone.images.upload(done.id) is None
    assert backbone.blobs.read(waiting.blob) == b"waiting"
    assert clean(backbone) == (0, 0)


def test_nothing_young_is_touched(backbone: Backbone) -> None:
    backbone.blobs.put("images", b"its row comes later", "png")
    assert clean(backbone) == (0, 0)


def test_keys_are_forgotten_after_a_week(backbone: Backbone) -> None:
    upload(backbone, b"x", JobStatus.QUEUED)
    assert backbone.jobs.forget_keys(utc_now() - timedelta(days=7)) == 0
    assert backbone.jobs.forget_keys(utc_now() + timedelta(seconds=1)) == 1


def test_a_message_that_was_sent_goes_after_a_month_and_one_that_waits_stays(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.db")
    database.migrate()
    jobs = SqlJobStore(database, webhook_url="https://hooks.example/x")
    messages = SqlDeliveryStore(database)
    for at in range(3):
        jobs.add(Job(new_id(), JobKind.GENERATE, utc_now(), status=JobStatus.DONE, mode=str(at)))
    sent, dead, waiting = messages.page(10)
    messages.note(replace(sent, status=DeliveryStatus.SENT))
    messages.note(replace(dead, status=DeliveryStatus.DEAD))
    assert jobs.forget_messages(utc_now() - timedelta(days=1)) == 0
    assert jobs.forget_messages(utc_now() + timedelta(seconds=1)) == 2
    assert [message.id for message in messages.page(10)] == [waiting.id]
