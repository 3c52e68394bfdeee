"""What differs between the two databases: how a connection is set up and how a full disk is told."""

from __future__ import annotations

import sqlite3
from json import JSONDecodeError
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from service.errors import SettingsError

BUSY_MILLISECONDS = 5000
POOLED, OVERFLOW = 10, 30
POSTGRES_DISK_FULL = "53100"
POSTGRES_OPTIONS = "-c synchronous_commit=on -c lock_timeout=5000 -c statement_timeout=30000 -c timezone=UTC"


def open_engine(place: Path | str) -> Engine:
    """An engine on a SQLite file or a PostgreSQL URL; no connection is made yet.

    Raises:
        SettingsError: The URL cannot be used (it may hold a password, so it is not repeated), or the driver is missing.
    """
    return _sqlite(place) if isinstance(place, Path) else _postgres(_url(place))


def driver_url(place: str) -> str:
    """The URL as psycopg itself reads it, password and all."""
    return _url(place).set(drivername="postgresql").render_as_string(hide_password=False)


def is_disk_full(error: object) -> bool:
    """Whether a driver's error says that there is no room."""
    code = getattr(error, "sqlite_errorcode", None)
    return getattr(error, "sqlstate", None) == POSTGRES_DISK_FULL or (
        code is not None and (code & 0xFF) == sqlite3.SQLITE_FULL
    )


def is_locked(error: object) -> bool:
    """Whether a driver's error says that another process held the SQLite file for too long."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) == sqlite3.SQLITE_BUSY


def is_damage(error: object) -> bool:
    """Whether a driver's error says that the file is no sound database."""
    # The driver cannot always read the words of its own error; what is no JSON was never written by us.
    if isinstance(error, UnicodeDecodeError | JSONDecodeError):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _url(place: str) -> URL:
    wanted = "It must look like postgresql://user:password@host:5432/name."
    try:
        url = make_url(place)
    except ArgumentError as wrong:
        raise SettingsError(f"database_url is not a database address. {wanted}", key="database_url") from wrong
    if url.drivername not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise SettingsError(
            f"database_url names {url.drivername[:40]!r}; only PostgreSQL can be used. {wanted}", key="database_url"
        )
    return url.set(drivername="postgresql+psycopg")


def _postgres(url: URL) -> Engine:
    settings: dict[str, object] = {"connect_timeout": 5}
    if "options" not in url.query:
        settings["options"] = POSTGRES_OPTIONS
    try:
        # Pre-ping: a connection that died with its server is replaced before it is used.
        return create_engine(
            url, connect_args=settings, pool_size=POOLED, max_overflow=OVERFLOW, pool_timeout=10, pool_pre_ping=True
        )
    except ModuleNotFoundError as missing:
        raise SettingsError(
            "database_url names PostgreSQL, and its driver is not installed. Run: pip install 'spellwright[postgres]'.",
            key="database_url",
        ) from missing


def _sqlite(path: Path) -> Engine:
    path.parent.mkdir(parents=True, exist_ok=True)
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
    if wants_lock:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    # Past SQLAlchemy's own execution: this stands before every single read, and touches no file.
    cursor = connection.connection.cursor()
    cursor.execute("BEGIN")
    cursor.close()
