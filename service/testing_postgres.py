"""A real PostgreSQL for tests: the one that `TEST_DATABASE_URL` names, else one started from the package `pgserver`."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine, make_url, text

from service.errors import ServiceError
from service.ids import IdFactory

URL_KEY = "TEST_DATABASE_URL"


class OwnPostgres:
    """A PostgreSQL of our own in a temporary folder, which can be stopped and started.

    Raises:
        ServiceError: `pgserver` is not installed, or it cannot start one here.
    """

    def __init__(self) -> None:
        # Not below pytest's folder: as root, the server runs under another user, who may not look in there.
        self._folder = Path(tempfile.mkdtemp(prefix="spellwright-pg-"))
        self._folder.chmod(0o755)
        self._server: Any = None
        try:
            self.start()
        except Exception as failed:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise ServiceError(f"No PostgreSQL: set {URL_KEY}, or install pgserver ({failed!r:.200}).") from failed

    @property
    def url(self) -> str:
        """Where it answers."""
        return str(self._server.get_uri())

    def start(self) -> None:
        """Start it; running: no-op."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it complains of machines without a desktop
            import pgserver  # noqa: PLC0415 (tests only)

            start: Any = pgserver.get_server  # type: ignore[attr-defined]
            self._server = start(self._folder / "data", cleanup_mode="stop")

    def stop(self) -> None:
        """Stop it, cutting every connection."""
        self._server.cleanup()

    def remove(self) -> None:
        """Stop it and remove its folder."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def postgres_url() -> Iterator[str]:
    """The address of an empty database, dropped afterwards.

    Raises:
        ServiceError: There is no PostgreSQL to be had; the sentence says what to do.
    """
    given = os.environ.get(URL_KEY)
    own = None if given else OwnPostgres()
    try:
        with fresh_database(given or (own.url if own else "")) as url:
            yield url
    finally:
        if own is not None:
            own.remove()


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """A new database on the server at `server`, dropped afterwards."""
    name = f"spellwright_{IdFactory()().lower()}"
    url = make_url(server).set(drivername="postgresql+psycopg")
    admin = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)  # the server may be stopped in between
    try:
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        yield url.set(database=name).render_as_string(hide_password=False)
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        admin.dispose()
