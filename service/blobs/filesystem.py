"""`BlobStore` in a folder: temporary file, fsync, rename, fsync of the folder."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Container, Iterator
from contextlib import suppress
from pathlib import Path

from service.blobs.base import Area, Blob, Suffix
from service.errors import BlobMissing, DiskFull

KEY = re.compile(r"(images|uploads)/[0-9a-f]{2}/[0-9a-f]{64}\.(png|jpg|webp|bin)")
TORN = ".tmp"


class FilesystemBlobs:
    """Files under one folder, named by their content; nothing outside it is ever touched.

    Args:
        root: The folder; made when the first blob is stored.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, area: Area, data: bytes, suffix: Suffix) -> Blob:
        """Store `data` whole or not at all."""
        digest = hashlib.sha256(data).hexdigest()
        key = f"{area}/{digest[:2]}/{digest}.{suffix}"
        path = self._path(key)
        try:
            if not self._is_stored(path, len(data)):
                path.parent.mkdir(parents=True, exist_ok=True)
                _write_atomically(path, data)
        except OSError as failed:
            if failed.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise DiskFull("The disk is full. Free some space; accepted jobs are kept.") from failed
            raise
        return Blob(key, digest, len(data))

    def read(self, key: str) -> bytes:
        """The bytes; checked against the name."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except FileNotFoundError as missing:
            raise BlobMissing("The file of this record is gone.") from missing
        if hashlib.sha256(data).hexdigest() != path.stem:
            raise BlobMissing("The file of this record is damaged.")
        return data

    def delete(self, key: str) -> None:
        """Remove; no such key: no-op."""
        self._path(key).unlink(missing_ok=True)

    def sweep(self, keep: Container[str], older_than_seconds: float) -> int:
        """Remove torn writes, and blobs nobody names, of at least that age; returns how many."""
        removed, youngest = 0, time.time() - older_than_seconds
        for path in self._files():
            key = path.relative_to(self._root).as_posix()
            is_ours = path.suffix == TORN or KEY.fullmatch(key) is not None
            # A file can vanish between listing and looking: another sweeper, or a finished write.
            with suppress(FileNotFoundError):
                if is_ours and key not in keep and path.stat().st_mtime <= youngest:
                    path.unlink()
                    removed += 1
        return removed

    def free_bytes(self) -> int:
        """Room left on the disk."""
        folder = self._root
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free

    def _files(self) -> Iterator[Path]:
        return (path for path in self._root.rglob("*") if path.is_file())

    def _path(self, key: str) -> Path:
        if not KEY.fullmatch(key):
            raise BlobMissing("This is not the name of a stored file.")
        return self._root / key

    @staticmethod
    def _is_stored(path: Path, size: int) -> bool:
        try:
            if path.stat().st_size != size:
                return False
            # The sweeper goes by age: a blob that is wanted again must not look forgotten.
            os.utime(path)
        except FileNotFoundError:
            return False
        return True


def _write_atomically(path: Path, data: bytes) -> None:
    torn = path.with_name(f"{path.stem[:16]}-{secrets.token_hex(8)}{TORN}")
    try:
        with torn.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        torn.replace(path)
    except BaseException:
        torn.unlink(missing_ok=True)
        raise
    # Without this a power cut can forget the rename although the row that names the file is kept.
    for folder in (path.parent, path.parent.parent):
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder to sync it
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
