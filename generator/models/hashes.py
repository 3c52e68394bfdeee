"""What reading a whole model file tells, its SHA-256 above all, found once per version of a file. No torch."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from generator.models.finite import first_not_finite

_BLOCK = 1 << 20  # bytes
_LENGTH_BYTES = 8  # of a safetensors file's header length
_NOT_FINITE = "|not finite"  # ends the key of that verdict
_OLD_START, _OLD_BYTES, _OLD_DIGITS = 0x100000, 0x10000, 8
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
        self._has_faults = any(found and key.endswith(_NOT_FINITE) for key, found in self._known.items())

    def sha256(self, path: Path) -> str:
        """64 hex digits; reads the file only when it changed since the last time.

        Raises:
            OSError: The file cannot be read.
        """
        return self._remembered(_key(path), lambda: _sha256(path))

    def weights_sha256(self, path: Path) -> str:
        """As `sha256`, of a safetensors file without its header: AutoV3, A1111's `Lora hashes`.

        Raises:
            OSError: The file cannot be read.
        """
        return self._remembered(f"{_key(path)}|weights", lambda: _sha256(path, _header_end(path)))

    def first_not_finite(self, path: Path) -> str:
        """The first tensor of a safetensors file that holds a NaN or infinite weight; empty when all are numbers.

        Raises:
            ModelRefused: code `safetensors_invalid`.
            OSError: The file cannot be read.
        """
        return self._remembered(f"{_key(path)}{_NOT_FINITE}", lambda: first_not_finite(path))

    def known_not_finite(self, path: Path) -> str:
        """As `first_not_finite`, but never reads the file: empty when nobody asked before, or it is not there."""
        if not self._has_faults or not path.is_file():
            return ""
        return self._known.get(f"{_key(path)}{_NOT_FINITE}", "")

    def knows(self, path: Path) -> bool:
        """Whether `sha256` would answer without reading the file.

        Raises:
            OSError: The file cannot be read.
        """
        return _key(path) in self._known

    def _remembered(self, key: str, compute: Callable[[], str]) -> str:
        if key not in self._known:
            self._known[key] = compute()
            self._has_faults |= key.endswith(_NOT_FINITE) and self._known[key] != ""
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


def old_hash(path: Path) -> str:
    """A1111's first `Model hash`: 8 digits over 64 KiB of the file; different files can share it.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        file.seek(_OLD_START)
        return hashlib.sha256(file.read(_OLD_BYTES)).hexdigest()[:_OLD_DIGITS]


def _key(path: Path) -> str:
    stat = path.stat()
    return f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"


def _header_end(path: Path) -> int:
    with path.open("rb") as file:
        return _LENGTH_BYTES + int.from_bytes(file.read(_LENGTH_BYTES), "little")


def _sha256(path: Path, start: int = 0) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
