"""SHA-256 of model files, computed once per version of a file. No torch."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

_BLOCK = 1 << 20  # bytes
SHORT = 10
"""Hex digits of AutoV2 and of A1111's `Model hash`."""


class HashCache:
    """Remembers hashes by (path, size, modification time), in memory and, if asked, in a file.

    One thread at a time.
    """

    def __init__(self, file: Path | None = None) -> None:
        """`file` is a JSON file to remember hashes in across runs; an unreadable one counts as empty."""
        self._file = file
        self._known: dict[str, str] = self._load()

    def sha256(self, path: Path) -> str:
        """64 hex digits; reads the file only when it changed since the last time.

        Raises:
            OSError: The file cannot be read.
        """
        stat = path.stat()
        key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
        if key not in self._known:
            self._known[key] = _sha256(path)
            self._store()
        return self._known[key]

    def _load(self) -> dict[str, str]:
        if self._file is None:
            return {}
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}

    def _store(self) -> None:
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_name(f"{self._file.name}.{os.getpid()}.part")
        partial.write_text(json.dumps(self._known), encoding="utf-8")
        os.replace(partial, self._file)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
