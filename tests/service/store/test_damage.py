"""A database file that is damaged, locked or not to be written: a clear error, never another one (fault F20)."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from prompts.spell import Spell
from service.errors import DatabaseUnavailable, ServiceError
from service.ids import IdFactory, utc_now
from service.jobs import Job, JobKind
from service.store import dialects
from service.store.database import Database
from service.store.job_store import SqlJobStore
from service.testing import quiet_settings, running_server

SPELL = {"prompt": "a cat", "params": {"steps": 2, "width": 64, "height": 64}}
TOLD = {"database_damaged", "database_unavailable", "not_found"}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a database with two hundred jobs."""
    path = tmp_path_factory.mktemp("sound") / "x.db"
    database, new_id = Database(path), IdFactory()
    database.migrate()
    store = SqlJobStore(database)
    for number in range(200):
        spell = Spell(f"a cat {number}").evolve(steps=2, seed=number, width=64, height=64)
        store.add(Job(new_id(), JobKind.GENERATE, utc_now(), spell=spell))
    database.close()
    return path.read_bytes()


def attempts(path: Path) -> list[str]:
    """What becomes of a start and of everything that is done with the jobs."""
    database = Database(path)
    store = SqlJobStore(database)
    works: list[Callable[[], Any]] = [
        database.migrate,
        lambda: store.page(300),
        store.counts,
        lambda: store.claim("somebody"),
        lambda: store.reclaim(lambda _: True, 3),
        lambda: store.add(Job(IdFactory()(), JobKind.GENERATE, utc_now(), spell=Spell("new"))),
    ]
    found = []
    for work in works:
        try:
            work()
        except ServiceError as told:
            found.append(told.stable_code)
        else:
            found.append("fine")
    database.close()
    return found


@pytest.mark.parametrize("bytes_", [3, 30, 1000])
def test_random_bytes_in_the_file_are_told_as_damage_or_do_no_harm(tmp_path: Path, sound: bytes, bytes_: int) -> None:
    told: set[str] = set()
    for seed in range(20):
        dice = random.Random(seed)
        damaged = bytearray(sound)
        for _ in range(bytes_):
            damaged[dice.randrange(0 if seed % 4 == 0 else 4096, len(damaged))] = dice.randrange(256)
        path = tmp_path / f"{seed}.db"
        path.write_bytes(damaged)
        told |= set(attempts(path))
    assert told <= TOLD | {"fine"}
    assert "database_damaged" in told or bytes_ < 1000


def test_a_file_cut_off_in_the_middle_is_damaged(tmp_path: Path, sound: bytes) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(sound[: len(sound) // 2])
    database = Database(path)
    with pytest.raises(DatabaseUnavailable) as told:
        database.migrate()
        SqlJobStore(database).page(300)
    assert told.value.stable_code == "database_damaged" and "copy" in told.value.detail
    database.close()


def test_another_program_that_holds_the_write_lock_is_waited_for_then_told_and_reading_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialects, "BUSY_MILLISECONDS", 200)
    with running_server(quiet_settings(tmp_path)) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        other = sqlite3.connect(tmp_path / "spellwright.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        refused = client.post("/api/jobs", json={"spell": SPELL}, headers={"Idempotency-Key": "again"})
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
        assert int(refused.headers["retry-after"]) > 0
        assert client.get("/api/jobs").json()["jobs"] == []
        other.execute("ROLLBACK")
        other.close()
        accepted = client.post("/api/jobs", json={"spell": SPELL}, headers={"Idempotency-Key": "again"})
        assert accepted.status_code == 202
        deadline = time.monotonic() + 20
        while client.get(f"/api/jobs/{accepted.json()['id']}").json()["status"] != "done":
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_picture_whose_file_somebody_deleted_is_told_and_its_job_and_neighbours_stay(tmp_path: Path) -> None:
    """Fault F24."""
    with running_server(quiet_settings(tmp_path)) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        job = client.post("/api/jobs", json={"spell": SPELL, "count": 2}).json()["id"]
        deadline = time.monotonic() + 20
        while (seen := client.get(f"/api/jobs/{job}").json())["status"] != "done":
            assert time.monotonic() < deadline
            time.sleep(0.02)
        gone, kept = seen["images"]
        next((tmp_path / "blobs").rglob(f"{gone['sha256']}*")).unlink()
        for path in (gone["url"], f"{gone['url']}/thumbnail"):
            answer = client.get(path)
            assert answer.status_code < 500 and answer.json()["code"] == "blob_missing", answer.text
        assert client.get(kept["url"]).status_code == 200
        assert client.get(f"/api/jobs/{job}").status_code == 200
