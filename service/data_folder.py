"""Looks whether the data folder can be written, before anything is kept in it."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from service.errors import DiskFull, SettingsError
from service.settings import PREFIX, Settings


def ready_data_folder(settings: Settings) -> None:
    """Make the data folder where it is missing, and try it out with a file that is taken away again.

    Raises:
        SettingsError: code `data_dir_unusable`; it cannot be made or written, or the database in it cannot.
        DiskFull: There is no room for even an empty folder.
    """
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix=".try-", dir=folder):
            pass
    except OSError as failed:
        if failed.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                f"The disk of the data folder {folder} is full. Free some space, then start again."
            ) from failed
        raise _unusable(folder, failed.strerror or "unknown reason") from failed
    database = settings.database_path
    if database.exists() and not (database.is_file() and os.access(database, os.R_OK | os.W_OK)):
        raise _unusable(folder, f"{database.name} in it cannot be read and written")


def _unusable(folder: Path, reason: str) -> Exception:
    return SettingsError(
        f"The data folder {folder} cannot be used: {reason}. Make it writable, or name another folder in "
        f"{PREFIX}DATA_DIR.",
        folder=str(folder),
        key=f"{PREFIX}DATA_DIR",
        reason=reason,
    ).with_code("data_dir_unusable")
