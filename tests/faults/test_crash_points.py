from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from service.errors import ServiceError
from service.store.database import Database
from service.store.image_store import SqlImageStore
from service.store.job_store import SqlJobStore

# Dies by SIGKILL just before the n-th of: fsync of a file or folder, rename. One picture takes 4 of them.
DIE_AT = """
import os, signal, pathlib
left = [{at}]
def deadly(real):
    def call(*args):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args)
    return call
os.fsync = deadly(os.fsync)
pathlib.Path.replace = deadly(pathlib.Path.replace)
"""
SPELL = {"prompt": "a cat", "params": {"steps": 2, "sampler": "Euler", "seed": 100, "width": 64, "height": 64}}
COUNT = 2


@pytest.mark.slow
@pytest.mark.parametrize("at", [1, 2, 3, 6])
def test_a_server_killed_at_any_step_of_writing_a_picture_loses_and_doubles_nothing(
    serve: Any, tmp_path: Path, at: int
) -> None:
    server = serve(0.0)
    server.prelude = DIE_AT.format(at=at)
    client = server.start()
    job = client.post("/api/jobs", json={"spell": SPELL, "count": COUNT}).json()["id"]
    server.wait_dead()
    client = serve(0.0).start()
    with client.stream("GET", f"/api/jobs/{job}/events") as response:
        response.read()
    done = client.get(f"/api/jobs/{job}").json()
    assert done["status"] == "done", done["problem"]
    assert [(i["slot"], i["seed"]) for i in done["images"]] == [(0, 100), (1, 101)]
    for image in done["images"]:
        assert hashlib.sha256(client.get(image["url"]).content).hexdigest() == image["sha256"]
    check_records(tmp_path / "data")


def check_records(folder: Path) -> None:
    """Every row has its file, every slot one picture, every job its events without gaps."""
    database = Database(folder / "spellwright.db")
    jobs = SqlJobStore(database)
    images = SqlImageStore(database, jobs)
    pictures = images.page(100)
    assert max(Counter((i.job_id, i.slot) for i in pictures).values()) == 1
    for picture in pictures:
        if not (folder / "blobs" / picture.blob).is_file():
            raise ServiceError(f"the file of {picture.id} is gone")
    for job in jobs.page(100):
        assert [e.number for e in jobs.events(job.id, 0, 1000)] == list(range(1, job.last_event + 1))
    database.close()
