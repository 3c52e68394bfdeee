"""The stores and blobs that keep the contracts; a new backend is one more parameter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from prompts.spell import HiresFix, Lora, Params, Spell
from service.blobs.filesystem import FilesystemBlobs
from service.ids import IdFactory, utc_now
from service.jobs import Job, JobKind
from service.store.base import ImageStore, JobStore, SpellStore
from service.store.database import Database
from service.store.image_store import SqlImageStore
from service.store.job_store import SqlJobStore
from service.store.spell_store import SqlSpellStore

SPELL = Spell(
    "a cat, rain",
    "blurry",
    (Lora("poster", 0.66, 0.5), Lora("ink")),
    Params(steps=20, sampler="DPM++ SDE", schedule_type="Karras", cfg_scale=7.5, seed=7, width=512, height=768,
           clip_skip=2, checkpoint="demo", hires=HiresFix(resize_to=(0, 1024), prompt="a cat")),
    (("Version", "x"), ("Odd key", "ä, 猫")),
)  # fmt: skip
new_id = IdFactory()


@dataclass(frozen=True)
class Stores:
    jobs: JobStore
    spells: SpellStore
    images: ImageStore


@pytest.fixture(params=["sqlite"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    database = Database(tmp_path / "contract.db")
    database.migrate()
    jobs = SqlJobStore(database)
    yield Stores(jobs, SqlSpellStore(database), SqlImageStore(database, jobs))
    database.close()


@pytest.fixture(params=["filesystem"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> FilesystemBlobs:
    return FilesystemBlobs(tmp_path / "blobs")


@pytest.fixture
def a_job() -> Job:
    return Job(new_id(), JobKind.GENERATE, utc_now(), count=2, spell=SPELL, policy_stamp="1:ab", origin="me")
