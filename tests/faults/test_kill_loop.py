"""SIGKILL at any moment, again and again: what was accepted is drawn, each slot once, every event numbered."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from service.jobs import JobStatus
from service.store.database import Database
from service.store.image_store import SqlImageStore
from service.store.job_store import SqlJobStore

# Imports everything once and forks a server for every line it reads: a start takes 0.1 s instead of seconds.
NURSERY = """
import os, signal, sys, time
from pathlib import Path
from generator.testing import FakeEngine
from service.app import create_app
from service.listening import listen
from service.serving import serve
from service.testing import quiet_settings
import alembic.command, service.engine.local, prompts.metadata

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
settings = quiet_settings(Path(sys.argv[1]), port=int(sys.argv[2]), drain_seconds=1, log_level="error")
engine = lambda: FakeEngine(before_step=lambda: time.sleep(0.004))
app = create_app(settings, fake_engine=engine)
for line in sys.stdin:
    child = os.fork()
    if not child:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        serve(app, settings, listen(settings))
        os._exit(0)
    print(child, flush=True)
"""
SPELL = {"prompt": "a cat", "params": {"steps": 3, "sampler": "Euler", "seed": 100, "width": 64, "height": 64}}
COUNT = 2


@dataclass
class Nursery:
    """Makes servers on one data folder, one after the other."""

    folder: Path
    process: subprocess.Popen[str]
    client: httpx.Client
    child: int = 0
    accepted: dict[str, str] = field(default_factory=dict)
    """Job ids by the idempotency key they were sent with."""

    def start(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("start\n")
        self.process.stdin.flush()
        self.child = int(self.process.stdout.readline())

    def kill(self) -> None:
        os.kill(self.child, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                os.kill(self.child, 0)
            except ProcessLookupError:
                return
            time.sleep(0.002)
        raise AssertionError("it does not die")

    def submit(self, key: str) -> bool:
        """Send one job, as often as needed until the server has gone; whether it was accepted."""
        try:
            answer = self.client.post(
                "/api/jobs", json={"spell": SPELL, "count": COUNT}, headers={"Idempotency-Key": key}
            )
        except httpx.TransportError:
            return False
        assert answer.status_code == 202, answer.text
        job = answer.json()["id"]
        assert self.accepted.setdefault(key, job) == job, "one key, two jobs"
        return True

    def until_up(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if self.client.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.005)
        raise AssertionError("it does not start")


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[Nursery]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = [sys.executable, "-W", "ignore", "-c", NURSERY, str(tmp_path / "data"), str(port)]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        made = Nursery(tmp_path / "data", process, client)
        made.start()
        made.until_up()
        yield made
        made.kill()
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("cycles", [50, pytest.param(1000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
def test_nothing_is_lost_or_doubled_however_often_the_server_is_killed(nursery: Nursery, cycles: int) -> None:
    dice = random.Random(8)
    for cycle in range(cycles):
        nursery.submit(f"key {cycle}")
        if cycle % 5 == 0:
            nursery.submit(f"key {dice.randrange(cycle + 1)}")
        time.sleep(dice.uniform(0, 0.06))
        nursery.kill()
        nursery.start()
        nursery.until_up()
    for cycle in range(cycles):  # whoever got no answer sends it again
        assert nursery.submit(f"key {cycle}")
    states = finished(nursery)
    assert set(states.values()) <= {"done", "job_poisoned"}
    assert Counter(states.values())["done"] >= 0.9 * cycles
    check_folder(nursery, states)


def finished(nursery: Nursery) -> dict[str, str]:
    """How every accepted job ended."""
    states = {}
    for job in nursery.accepted.values():
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = nursery.client.get(f"/api/jobs/{job}").json()
            if JobStatus(found["status"]).is_final:
                break
            time.sleep(0.01)
        states[job] = found["problem"]["code"] if found["problem"] else found["status"]
    return states


def check_folder(nursery: Nursery, states: dict[str, str]) -> None:
    """The invariants, from outside: rows, files, numbers."""
    database = Database(nursery.folder / "spellwright.db")
    jobs = SqlJobStore(database)
    images = SqlImageStore(database, jobs)
    assert sum(jobs.counts().values()) == len(states), "a job that nobody was told of"
    for job, state in states.items():
        pictures = images.of_job(job)
        slots = [(picture.slot, picture.spell.params.seed) for picture in pictures]
        wanted = [(slot, 100 + slot) for slot in range(COUNT)]
        assert slots == wanted if state == "done" else set(slots) <= set(wanted)
        for picture in pictures:
            data = (nursery.folder / "blobs" / picture.blob).read_bytes()
            assert hashlib.sha256(data).hexdigest() == picture.sha256
        numbers = [event.number for event in jobs.events(job, 0, 1000)]
        assert numbers == list(range(1, len(numbers) + 1))
    database.close()
