"""One SQLite file, opened so that what was committed stays committed, and brought up to date by migrations."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from service.errors import DatabaseUnavailable, DiskFull

BUSY_MILLISECONDS = 5000
MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """Connections with the pragmas set, transactions with our errors.

    Args:
        path: The SQLite file; made, with its folder, when missing. `migrate` must be called once
            before the first transaction.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = _open_engine(path)

    def migrate(self) -> None:
        """Bring the tables to the newest revision; nothing to do when they are there.

        Raises:
            DatabaseUnavailable: The file is locked, damaged, or newer than this program.
        """
        revision, known = self._revision(), _known_revisions()
        if revision == known[-1]:
            return
        if revision is not None and revision not in known:
            raise DatabaseUnavailable(
                "The database was written by a newer version of Spellwright. Update Spellwright, or choose another "
                "data folder."
            )
        from alembic import command  # noqa: PLC0415 (a quarter of the start-up time, wanted after updates only)
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with self.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def _revision(self) -> str | None:
        """The revision the tables are at; `None` for a new file."""
        with self.read() as connection:
            if not connection.dialect.has_table(connection, "alembic_version"):
                return None
            return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view; writing in it is a mistake."""
        with _our_errors(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the one write lock from its first statement; committed on leaving."""
        with (
            _our_errors(),
            self._engine.connect() as connection,
            connection.execution_options(spellwright_write=True).begin(),
        ):
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _known_revisions() -> list[str]:
    """The numbers of the files in `migrations/versions`, in order."""
    return sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


def _open_engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"timeout": BUSY_MILLISECONDS / 1000, "check_same_thread": False}
    )
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own BEGIN comes too late (at the first write), so `_begin` says it.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # a commit survives a power cut
        f"busy_timeout={BUSY_MILLISECONDS}",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    wants_lock = connection.get_execution_options().get("spellwright_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if wants_lock else "BEGIN")


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except OperationalError as failed:
        if _is_disk_full(failed.orig):
            raise DiskFull("The disk is full; the database cannot grow. Free some space, then try again.") from failed
        raise DatabaseUnavailable("The database does not answer. Try again in a moment.") from failed
    except SQLAlchemyError as failed:
        raise DatabaseUnavailable("The database refused the operation. Try again in a moment.") from failed


def _is_disk_full(error: Any) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) == sqlite3.SQLITE_FULL
