from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from service.blobs.filesystem import FilesystemBlobs
from service.errors import BlobMissing, DiskFull

DATA = b"\x89PNG not really"


def files(tmp_path: Path) -> list[Path]:
    return [p for p in (tmp_path / "blobs").rglob("*") if p.is_file()]


def test_what_was_stored_reads_back_and_the_same_bytes_get_the_same_key(blobs: FilesystemBlobs, tmp_path: Path) -> None:
    first = blobs.put("images", DATA, "png")
    assert blobs.read(first.key) == DATA
    assert blobs.put("images", DATA, "png") == first
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize(
    "key",
    [
        "../etc/passwd",
        "/etc/passwd",
        "images/../../x",
        "images/ab/" + "ab" * 32 + ".exe",
        "images/ab/" + "AB" * 32 + ".png",
        "other/ab/" + "ab" * 32 + ".png",
        "images/ab/" + "ab" * 32 + ".png\n",
        "",
    ],
)
def test_a_key_of_another_shape_never_reaches_the_disk(blobs: FilesystemBlobs, key: str) -> None:
    for use in (blobs.read, blobs.delete):
        with pytest.raises(BlobMissing):
            use(key)


def test_a_missing_or_damaged_file_is_told_never_returned(blobs: FilesystemBlobs, tmp_path: Path) -> None:
    stored = blobs.put("uploads", DATA, "bin")
    files(tmp_path)[0].write_bytes(b"other")
    with pytest.raises(BlobMissing):
        blobs.read(stored.key)
    blobs.delete(stored.key)
    blobs.delete(stored.key)
    with pytest.raises(BlobMissing):
        blobs.read(stored.key)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_nothing_torn_behind(
    blobs: FilesystemBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full) if step == "fsync" else monkeypatch.setattr(Path, step, full)
    with pytest.raises(DiskFull):
        blobs.put("images", DATA, "png")
    assert files(tmp_path) == []
    monkeypatch.undo()
    assert blobs.read(blobs.put("images", DATA, "png").key) == DATA


def test_the_sweeper_takes_torn_writes_and_forgotten_files_and_keeps_the_named_and_the_young(
    blobs: FilesystemBlobs, tmp_path: Path
) -> None:
    kept, forgotten = blobs.put("images", b"kept", "png"), blobs.put("images", b"forgotten", "png")
    torn = tmp_path / "blobs" / "images" / "x.tmp"
    torn.write_bytes(b"half")
    assert blobs.sweep({kept.key}, older_than_seconds=3600) == 0
    assert blobs.sweep({kept.key}, older_than_seconds=-1) == 2
    assert blobs.read(kept.key) == b"kept"
    with pytest.raises(BlobMissing):
        blobs.read(forgotten.key)
    assert not torn.exists()


def test_free_room_is_told_before_the_folder_exists(tmp_path: Path) -> None:
    assert FilesystemBlobs(tmp_path / "not" / "there").free_bytes() > 0
