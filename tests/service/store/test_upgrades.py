"""A database of any older version becomes one of this version and loses nothing, also when it is killed on the way."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, insert

from service.assembly import build
from service.generation import PictureOrder
from service.jobs import JobStatus
from service.services import Services
from service.spell_json import spell_from_json
from service.store.database import MIGRATIONS, Database
from service.testing import quiet_settings

REVISIONS = sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("0*.py"))
AT = "2026-01-01T00:00:00.000000Z"
PARAMS = {
    "steps": 2, "sampler": "Euler", "schedule_type": "Automatic", "cfg_scale": 7.0, "seed": 10, "width": 64,
    "height": 64, "clip_skip": 1, "checkpoint": "demo", "checkpoint_hash": None, "vae": None, "hires": None,
}  # fmt: skip
SPELL = {"prompt": "a cat", "negative_prompt": "", "loras": [], "params": PARAMS, "extra": []}
STAMP = "1:7b918f692e7c91c1782677cc3b8b8f81f2ff473e8c42fbcb1a095268b575c72e"
"""Of that prompt, by the first rules: written down, since an upgrade must not change what it stands for."""
OWNED = (JobStatus.RUNNING, JobStatus.CANCELLING)


def an_id(number: int) -> str:
    return f"{number:026d}"


def job_row(number: int, status: JobStatus) -> dict[str, Any]:
    owner = an_id(900) if status in OWNED else None
    attempt = 0 if status is JobStatus.QUEUED else 1
    problem = {"code": "out_of_memory", "detail": "Too large.", "facts": {}} if status is JobStatus.FAILED else None
    return {
        "id": an_id(number), "kind": "generate", "status": str(status), "count": 1, "spell": SPELL,
        "spell_id": an_id(1), "spell_version": 1, "policy_stamp": STAMP, "attempt": attempt, "crashes": 0,
        "last_event": 1, "problem": problem, "origin": an_id(900), "owner": owner, "created_at": AT, "updated_at": AT,
    }  # fmt: skip


def rows() -> list[tuple[str, dict[str, Any]]]:
    """A row or more of every table of the first version; a job of every status."""
    found: list[tuple[str, dict[str, Any]]] = [
        ("spells", {"id": an_id(1), "head": 1, "title": "a cat", "created_at": AT, "updated_at": AT}),
        ("spell_versions", {"spell_id": an_id(1), "number": 1, "author": "edit", "spell": SPELL, "note": "",
                            "idea": "eine Katze", "details": {"a": [1]}, "created_at": AT}),
        ("chat_turns", {"spell_id": an_id(1), "number": 1, "message": "more", "reply": "no", "by": "rules",
                        "version": 1, "created_at": AT}),
        ("uploads", {"id": an_id(2), "blob": "uploads/aa/b.png", "sha256": "b" * 64, "bytes": 5, "created_at": AT}),
    ]  # fmt: skip
    for at, status in enumerate(JobStatus):
        found.append(("jobs", job_row(10 + at, status)))
        event = {"job_id": an_id(10 + at), "number": 1, "kind": "queued", "data": {"status": "queued"}, "at": AT}
        found.append(("job_events", event))
    done = an_id(10 + list(JobStatus).index(JobStatus.DONE))
    found.append(("idempotency_keys", {"key": "k", "fingerprint": "f" * 64, "job_id": done, "created_at": AT}))
    found.append(("images", {"id": an_id(3), "job_id": done, "slot": 0, "blob": "images/aa/c.png", "sha256": "c" * 64,
                             "bytes": 5, "width": 64, "height": 64, "spell": SPELL, "notes": ["n"],
                             "created_at": AT}))  # fmt: skip
    return found


def old_database(path: Path, revision: str) -> None:
    database = Database(path)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    tables = MetaData()
    with database.write() as connection:
        tables.reflect(connection)
        for table, row in rows():
            known = tables.tables[table]
            row = {"tenant": "local", **row} if "tenant" in known.c and table == "idempotency_keys" else row
            connection.execute(insert(known).values(**row))
    database.close()


def contents(path: Path) -> dict[str, list[dict[str, Any]]]:
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        names = {table for table, _ in rows()}
        found = {n: [dict(r) for r in connection.execute(f"SELECT * FROM {n} ORDER BY rowid")] for n in names}
    connection.close()
    return found


def assert_nothing_lost(before: dict[str, list[dict[str, Any]]], after: dict[str, list[dict[str, Any]]]) -> None:
    for table, old in before.items():
        assert len(after[table]) == len(old), table
        for was, now in zip(old, after[table], strict=True):
            assert {name: now[name] for name in was} == was, table


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_row_of_every_older_version_is_there_afterwards(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "spellwright.db"
    old_database(path, revision)
    before = contents(path)
    database = Database(path)
    database.migrate()
    database.close()
    assert_nothing_lost(before, contents(path))


def test_jobs_of_the_first_version_go_on_in_this_one(tmp_path: Path) -> None:
    old_database(tmp_path / "spellwright.db", REVISIONS[0])
    statuses = {status: an_id(10 + at) for at, status in enumerate(JobStatus)}
    ends = {
        JobStatus.QUEUED: JobStatus.DONE,
        JobStatus.RUNNING: JobStatus.DONE,  # its worker died with the old version
        JobStatus.CANCELLING: JobStatus.CANCELLED,
        JobStatus.DONE: JobStatus.DONE,
        JobStatus.FAILED: JobStatus.FAILED,
        JobStatus.CANCELLED: JobStatus.CANCELLED,
    }

    async def scene(services: Services) -> None:
        for status, end in ends.items():
            ended = await services.generation.wait(statuses[status])
            assert (status, ended.status) == (status, end), ended.problem
            assert ended.tenant == "local"
        drawn = await services.generation.images(statuses[JobStatus.QUEUED])
        assert [image.spell.params.seed for image in drawn] == [10]
        kept = await services.generation.images(statuses[JobStatus.DONE])
        assert [image.id for image in kept] == [an_id(3)]
        head = await services.library.get(an_id(1))
        assert head.spell == spell_from_json(SPELL) and head.idea == "eine Katze"
        fresh = await services.generation.submit(PictureOrder(spell_id=an_id(1)))
        assert (await services.generation.wait(fresh.id)).status is JobStatus.DONE

    async def whole() -> None:
        async with build(quiet_settings(tmp_path), fake_engine=True) as services:
            await asyncio.wait_for(scene(services), 60)

    asyncio.run(whole())


KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from sqlalchemy import event
import alembic.command, alembic.config
from service.store.database import Database

old, work = Path(sys.argv[1]), Path(sys.argv[2])

def migrate(path, kill_at):
    database, done = Database(path), [0]

    @event.listens_for(database._engine, "before_cursor_execute")
    def count(*_):
        done[0] += 1
        if done[0] == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    database.migrate()
    database.close()

kill_at, died = 0, True
while died:
    kill_at += 1
    path = work / f"{kill_at}.db"
    shutil.copy(old, path)
    child = os.fork()
    if not child:
        migrate(path, kill_at)
        os._exit(0)
    died = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
print(kill_at - 1)
"""


def test_killed_at_any_statement_it_is_the_old_database_and_the_next_start_finishes(tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    old_database(old, REVISIONS[0])
    before = contents(old)  # closing the last connection folds the log into the file
    work = tmp_path / "work"
    work.mkdir()
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, str(old), str(work)], capture_output=True, text=True, check=True
    )
    kills = int(ran.stdout)
    assert kills > 20
    for kill_at in range(1, kills + 1):
        path = work / f"{kill_at}.db"
        assert contents(path) == before, kill_at
    for kill_at in range(1, kills + 1, 7):
        database = Database(work / f"{kill_at}.db")
        database.migrate()
        database.close()
        assert_nothing_lost(before, contents(work / f"{kill_at}.db"))


TOGETHER = """
import sys
from pathlib import Path
import alembic.command, alembic.config
from service.store.database import Database
print("ready", flush=True)
sys.stdin.readline()
database = Database(Path(sys.argv[1]))
database.migrate()
database.close()
"""


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "old"])
def test_several_that_start_at_the_same_moment_upgrade_once(tmp_path: Path, is_new: bool) -> None:
    path = tmp_path / "data" / "spellwright.db"
    if not is_new:
        old_database(path, REVISIONS[0])
    argument = [sys.executable, "-W", "ignore", "-c", TOGETHER, str(path)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen(argument, text=True, **pipes) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], answers
    database = Database(path)
    database.migrate()
    database.close()
    if not is_new:
        assert len(contents(path)["jobs"]) == len(JobStatus)
