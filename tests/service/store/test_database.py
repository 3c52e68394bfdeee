from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from service.errors import DatabaseUnavailable
from service.store import dialects
from service.store.database import Database
from service.store.tables import metadata

INSERT_SPELL = "INSERT INTO spells (id, head, title, created_at, updated_at) VALUES ('a', 1, 't', 'x', 'x')"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sub" / "x.db"


def test_the_migrations_lead_to_exactly_the_tables_of_the_code(path: Path) -> None:
    database = Database(path)
    database.migrate()
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    database.close()


def test_migrating_twice_changes_nothing_and_a_newer_database_is_refused(path: Path) -> None:
    database = Database(path)
    database.migrate()
    database.migrate()
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseUnavailable, match="newer version"):
        database.migrate()
    database.close()


def test_what_was_committed_survives_a_power_cut_by_setting(path: Path) -> None:
    database = Database(path)
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    database.close()


def test_a_failed_transaction_leaves_nothing(path: Path) -> None:
    database = Database(path)
    database.migrate()

    def interrupted() -> None:
        with database.write() as connection:
            connection.execute(text(INSERT_SPELL))
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM spells")).scalar() == 0
    database.close()


def test_a_file_that_is_no_database_is_told_as_such(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    database = Database(path)
    with pytest.raises(DatabaseUnavailable):
        database.migrate()
    database.close()


def test_readers_do_not_wait_for_a_writer(path: Path) -> None:
    database = Database(path)
    database.migrate()
    with database.write() as writing:
        writing.execute(text(INSERT_SPELL))
        other = sqlite3.connect(path, timeout=0.1)
        assert other.execute("SELECT count(*) FROM spells").fetchone() == (0,)
        other.close()
    database.close()


def test_a_migration_waits_for_one_that_takes_longer_than_a_lock_may(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialects, "BUSY_MILLISECONDS", 50)
    path.parent.mkdir()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(0.5, other.execute, ("ROLLBACK",))
    release.start()
    database = Database(path)
    database.migrate()
    release.join()
    other.close()
    database.close()
