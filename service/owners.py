"""Which processes work on this data folder: each holds a locked file, and a lock dies with its process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO

from service.ids import NewId, is_id

if sys.platform != "win32":
    import fcntl


class Owners:
    """This process's mark, and a look at the others'.

    Args:
        folder: Where the marks lie.
        new_id: Names this process.
    """

    def __init__(self, folder: Path, new_id: NewId) -> None:
        self._folder = folder
        self.name = new_id()
        """This process's name in the job store."""
        self._file: IO[bytes] | None = None

    def enter(self) -> None:
        """Put up the mark, and take down those of dead processes."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file = self._locked_mark()
        for path in self._folder.glob("*.lock"):
            if path.stem != self.name and self.is_dead(path.stem):
                path.unlink(missing_ok=True)

    def leave(self) -> None:
        """Take the mark down."""
        if self._file is not None:
            self._path(self.name).unlink(missing_ok=True)
            self._file.close()
            self._file = None

    def is_dead(self, owner: str) -> bool:
        """Whether the process called `owner` is gone; one that never was counts as gone."""
        if owner == self.name:
            return False
        if not is_id(owner):
            return True
        try:
            handle = os.open(self._path(owner), os.O_RDWR)
        except FileNotFoundError:
            return True
        try:
            return _try_lock(handle)
        finally:
            os.close(handle)

    def _locked_mark(self) -> IO[bytes]:
        # Under its own name the mark is locked from its first moment: who finds it unlocked takes it down.
        if sys.platform == "win32":  # no locks there, and an open file cannot be renamed
            return self._path(self.name).open("xb")
        making = self._folder / f"{self.name}.making"
        file = making.open("xb")
        try:
            _try_lock(file.fileno())
            making.rename(self._path(self.name))
        except OSError:
            file.close()
            making.unlink(missing_ok=True)
            raise
        return file

    def _path(self, owner: str) -> Path:
        return self._folder / f"{owner}.lock"


def _try_lock(handle: int) -> bool:
    """Lock the open file; `False` when another process holds it, and always on Windows, which has no such lock."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
