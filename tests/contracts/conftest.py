"""The stores and blobs that keep the contracts; a new backend is one more parameter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from prompts.spell import HiresFix, Lora, Params, Spell
from service.auth.keys import KeyStore
from service.blobs.filesystem import FilesystemBlobs
from service.errors import ServiceError
from service.ids import IdFactory, utc_now
from service.jobs import Job, JobKind
from service.store.base import ImageStore, JobQueue, SpellStore
from service.store.database import Database
from service.store.image_store import SqlImageStore
from service.store.job_store import SqlJobStore
from service.store.key_store import SqlKeyStore
from service.store.spell_store import SqlSpellStore
from service.store.tables import metadata
from service.testing_postgres import postgres_url

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
    jobs: JobQueue
    spells: SpellStore
    images: ImageStore
    keys: KeyStore

    def of(self, tenant: str) -> Stores:
        return Stores(self.jobs.of(tenant), self.spells.of(tenant), self.images.of(tenant), self.keys)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def on_postgres() -> Iterator[Database]:
    try:
        with postgres_url() as url:
            database = Database(url)
            database.migrate()
            yield database
            database.close()
    except ServiceError as none:
        pytest.skip(none.detail)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        made = Database(tmp_path / "contract.db")
        made.migrate()
        yield made
        made.close()
        return
    shared: Database = request.getfixturevalue("on_postgres")
    with shared.write() as connection:
        connection.execute(text(f"TRUNCATE {', '.join(metadata.tables)} CASCADE"))
    yield shared


@pytest.fixture
def stores(database: Database) -> Stores:
    jobs = SqlJobStore(database)
    return Stores(jobs, SqlSpellStore(database), SqlImageStore(database, jobs), SqlKeyStore(database))


@pytest.fixture(params=["filesystem"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> FilesystemBlobs:
    return FilesystemBlobs(tmp_path / "blobs")


@pytest.fixture
def a_job() -> Job:
    return Job(new_id(), JobKind.GENERATE, utc_now(), count=2, spell=SPELL, policy_stamp="1:ab", origin="me")
