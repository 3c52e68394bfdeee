"""A disk that is full for real: a small file system that is filled up while the server works."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SPELL = {"prompt": "a cat", "params": {"steps": 2, "sampler": "Euler", "seed": 100, "width": 512, "height": 512}}
MNT_DETACH = 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """12 MiB; skipped where this account may not mount."""
    place = tmp_path / "disk"
    place.mkdir()
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "mount") or library.mount(b"none", bytes(place), b"tmpfs", 0, b"size=12m") != 0:
        pytest.skip("this account may not mount a small disk")
    yield place
    library.umount2(bytes(place), MNT_DETACH)


@pytest.mark.slow
def test_a_full_disk_loses_nothing_and_work_goes_on_when_there_is_room(serve: Any, small_disk: Path) -> None:
    prelude = "import service.runner\nservice.runner.RETRY_SECONDS = service.runner.PAUSE_SECONDS = 0.2\n"
    server = serve.at(small_disk, 0.0, {}, prelude)
    client = server.start()
    ballast = small_disk / "ballast"
    with ballast.open("wb") as file:  # leave room for the database and for one picture at most
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        file.write(b"\0" * max(0, free - 400_000))
    accepted, refused = [], set()
    for seed in range(12):
        body = {"spell": SPELL | {"params": SPELL["params"] | {"seed": 10 * seed}}, "count": 2}  # type: ignore[operator]
        answer = client.post("/api/jobs", json=body)
        if answer.status_code == 202:
            accepted.append(answer.json()["id"])
        else:
            refused.add((answer.status_code, answer.json()["code"]))
        time.sleep(0.05)
    assert accepted
    assert refused <= {(507, "disk_low"), (503, "database_unavailable")}
    assert client.get("/healthz").status_code == 200
    ballast.unlink()
    deadline = time.monotonic() + 60
    waiting = set(accepted)
    while waiting and time.monotonic() < deadline:
        for job in sorted(waiting):
            found = client.get(f"/api/jobs/{job}").json()
            if found["status"] in ("done", "failed", "cancelled"):
                assert found["status"] == "done", found["problem"]
                assert [image["slot"] for image in found["images"]] == [0, 1]
                waiting.discard(job)
        time.sleep(0.05)
    assert not waiting
    assert not list(small_disk.rglob("*.tmp"))
    assert sum(1 for _ in (small_disk / "blobs" / "images").rglob("*.png")) == 2 * len(accepted)
