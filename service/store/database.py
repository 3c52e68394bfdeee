"""One SQLite file or one PostgreSQL database, opened so that what was committed stays committed; migrations."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from pathlib import Path

from sqlalchemy import Connection, bindparam, func, select, text
from sqlalchemy.exc import DataError, DBAPIError, OperationalError, SQLAlchemyError

from service.errors import DatabaseDamaged, DatabaseUnavailable, DiskFull, RequestInvalid, ServiceError
from service.store.dialects import is_damage, is_disk_full, is_locked, open_engine

MIGRATIONS = Path(__file__).parent / "migrations"
START_SECONDS = 30.0  # for somebody else's migration
MIGRATION_LOCK = 0x5350454C4C  # "SPELL", for PostgreSQL's advisory lock
NOW = {
    "sqlite": text("SELECT strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', printf('%+f seconds', :seconds))"),
    "postgresql": text(
        "SELECT to_char((clock_timestamp() + make_interval(secs => :seconds)) AT TIME ZONE 'UTC', "
        '\'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')'
    ),
}


class Database:
    """Connections that are set up, transactions with our errors.

    Args:
        place: The SQLite file (made, with its folder, when missing), or the URL of a PostgreSQL database.
            `migrate` must be called once before the first transaction.

    Raises:
        SettingsError: The URL cannot be used, or the driver for it is not installed.
    """

    def __init__(self, place: Path | str) -> None:
        self._engine = open_engine(place)

    @property
    def is_shared(self) -> bool:
        """Whether other machines can use it at the same time."""
        return self._engine.dialect.name != "sqlite"

    def migrate(self) -> None:
        """Bring the tables to the newest revision; nothing to do when they are there.

        Raises:
            DatabaseUnavailable: The database is locked, damaged, out of reach, or newer than this program.
        """
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                self._migrate()
            except DatabaseUnavailable as failed:
                # Another process that starts at the same moment is at it; on a busy machine that takes a while.
                if not is_locked(getattr(failed.__cause__, "orig", None)) or time.monotonic() > until:
                    raise
            else:
                return

    def _migrate(self) -> None:
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
            if self.is_shared:  # several machines may start at once; SQLite's write lock does the same
                connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def _revision(self) -> str | None:
        """The revision the tables are at; `None` for a new database."""
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
        """A transaction, committed on leaving.

        In SQLite it holds the one write lock from its first statement; in PostgreSQL it holds what it
        selects `FOR UPDATE`.
        """
        with (
            _our_errors(),
            self._engine.connect() as connection,
            connection.execution_options(spellwright_write=True).begin(),
        ):
            yield connection

    @staticmethod
    def now(connection: Connection, plus_seconds: float = 0.0) -> str:
        """The database's own time (several machines share it), as `service.ids.utc_text` writes it."""
        query = NOW[connection.dialect.name].bindparams(bindparam("seconds", plus_seconds))
        return str(connection.execute(query).scalar_one())

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _known_revisions() -> list[str]:
    """The numbers of the files in `migrations/versions`, in order."""
    return sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, UnicodeDecodeError, JSONDecodeError) as failed:
        raise _ours(failed) from failed


def _ours(failed: Exception) -> ServiceError:
    cause = failed.orig if isinstance(failed, DBAPIError) else failed
    if is_disk_full(cause):
        return DiskFull("The disk is full; the database cannot grow. Free some space, then try again.")
    if is_damage(cause):
        return DatabaseDamaged()
    if isinstance(failed, DataError):  # PostgreSQL takes no NUL in a text
        refused = RequestInvalid("The text holds a character that cannot be stored.")
        refused.with_code("text_invalid")
        return refused
    if isinstance(failed, OperationalError):
        return DatabaseUnavailable("The database does not answer. Try again in a moment.")
    return DatabaseUnavailable("The database refused the operation. Try again in a moment.")
