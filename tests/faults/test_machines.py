"""Two machines on one PostgreSQL: one goes down, the database goes down, and nothing is lost."""

from __future__ import annotations

import hashlib
import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from service.errors import ServiceError
from service.testing_postgres import OwnPostgres, fresh_database

SPELL = {"prompt": "a cat", "params": {"steps": 10, "sampler": "Euler", "seed": 100, "width": 64, "height": 64}}
QUICK = """
import service.store.base, service.runner
service.store.base.LEASE_SECONDS = service.runner.LEASE_SECONDS = 1.5
service.runner.LOOK_AROUND_SECONDS = service.runner.RETRY_SECONDS = service.runner.PAUSE_SECONDS = 0.2
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[OwnPostgres]:
    try:
        own = OwnPostgres()
    except ServiceError as none:
        pytest.skip(none.detail)
    yield own
    own.remove()


@pytest.fixture
def machine(serve: Any, postgres: OwnPostgres, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Make servers with data folders of their own, one database and one folder of pictures."""
    (tmp_path / "shared").mkdir()
    with fresh_database(postgres.url) as url:

        def make(name: str, pause: float, **settings: Any) -> Any:
            folder = tmp_path / name
            folder.mkdir()
            (folder / "blobs").symlink_to(tmp_path / "shared")
            return serve.at(folder, pause, {"database_url": url, **settings}, QUICK)

        yield make


def submit(client: httpx.Client, count: int) -> str:
    answer = client.post("/api/jobs", json={"spell": SPELL, "count": count})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def wait(client: httpx.Client, job: str, ready: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    found: dict[str, Any] = {}
    while time.monotonic() < deadline:
        answer = client.get(f"/api/jobs/{job}")
        found = answer.json()
        if answer.status_code == 200 and ready(found):
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def check_whole(client: httpx.Client, job: str, count: int) -> dict[str, Any]:
    done = wait(client, job, lambda found: found["status"] in ("done", "failed", "cancelled"))
    assert done["status"] == "done", done["problem"]
    assert [(i["slot"], i["seed"]) for i in done["images"]] == [(n, 100 + n) for n in range(count)]
    for image in done["images"]:
        assert hashlib.sha256(client.get(image["url"]).content).hexdigest() == image["sha256"]
    events = [e for e in stream(client, job, "?after=0") if e[1] not in ("snapshot", "progress")]
    assert [number for number, _, _ in events] == list(range(1, done["last_event"] + 1))
    return done


def is_owner(server: Any, job: str) -> bool:
    """Whether this server works on the job: each has put up its name in its own folder."""
    engine = create_engine(server.settings["database_url"])
    with engine.connect() as connection:
        owner = connection.execute(text("SELECT owner FROM jobs WHERE id = :id"), {"id": job}).scalar_one()
    engine.dispose()
    return bool((server.folder / "runners" / f"{owner}.lock").is_file())


def stream(client: httpx.Client, job: str, query: str = "") -> list[tuple[int | None, str, dict[str, Any]]]:
    with client.stream("GET", f"/api/jobs/{job}/events{query}") as response:
        return _parsed(response.read().decode())


def _parsed(body: str) -> list[tuple[int | None, str, dict[str, Any]]]:
    parts = body.split("\n\n")
    found = [dict(line.split(": ", 1) for line in part.split("\n") if ": " in line) for part in parts]
    return [(int(p["id"]) if "id" in p else None, p["event"], json.loads(p["data"])) for p in found if "data" in p]


@pytest.mark.slow
def test_a_job_drawn_on_one_machine_is_followed_live_on_the_other(machine: Callable[..., Any]) -> None:
    worker, watcher = machine("a", 0.05), machine("b", 0.05, min_free_bytes=2**62)  # the second has no room to work
    watching = watcher.start()
    drawing = worker.start()
    job = submit(drawing, 2)
    events = stream(watching, job)
    kinds = [kind for _, kind, _ in events]
    assert kinds[0] == "snapshot" and kinds[-1] == "done"
    assert kinds.count("image") + len(events[0][2]["images"]) == 2
    assert "progress" in kinds
    check_whole(watching, job, 2)


@pytest.mark.slow
def test_a_killed_machine_s_job_goes_on_at_the_other_and_keeps_what_is_finished(machine: Callable[..., Any]) -> None:
    servers = machine("a", 0.03), machine("b", 0.03)
    clients = [server.start() for server in servers]
    job = submit(clients[0], 20)
    before = wait(clients[1], job, lambda found: 0 < len(found["images"]) < 20)["images"]
    place = next(at for at, server in enumerate(servers) if is_owner(server, job))
    servers[place].kill()
    killed = time.monotonic()
    done = check_whole(clients[1 - place], job, 20)
    assert time.monotonic() - killed < 25
    assert done["attempt"] == 2
    kept = {image["id"] for image in done["images"]}
    assert {image["id"] for image in before} <= kept


@pytest.mark.slow
def test_a_machine_that_slept_through_its_lease_changes_nothing_when_it_wakes(
    machine: Callable[..., Any], tmp_path: Path
) -> None:
    """Fault F02: what it finished too late is refused; it works on with the next job."""
    servers = machine("a", 0.05), machine("b", 0.05)
    clients = [server.start() for server in servers]
    job = submit(clients[0], 6)
    wait(clients[0], job, lambda found: found["status"] == "running")
    place = next(at for at, server in enumerate(servers) if is_owner(server, job))
    sleeper, other = servers[place], clients[1 - place]
    sleeper.process.send_signal(signal.SIGSTOP)
    try:
        done = check_whole(other, job, 6)
    finally:
        sleeper.process.send_signal(signal.SIGCONT)
    assert done["attempt"] == 2
    woken = clients[place]
    assert wait(woken, job, lambda found: found["status"] == "done")["images"] == done["images"]
    for _ in range(4):  # enough for both; the sleeper has come to its late pictures by then
        check_whole(woken, submit(woken, 2), 2)
    assert check_whole(other, job, 6)["images"] == done["images"]
    assert sleeper.process.poll() is None


@pytest.mark.slow
def test_a_database_that_goes_away_and_comes_back_loses_nothing(
    machine: Callable[..., Any], postgres: OwnPostgres
) -> None:
    server = machine("a", 0.02)
    client = server.start()
    job = submit(client, 20)
    wait(client, job, lambda found: len(found["images"]) > 0)
    # A stream that was opened before stays open, and misses nothing.
    with (
        httpx.Client(base_url=server.url, timeout=60) as listener,
        listener.stream("GET", f"/api/jobs/{job}/events?after=0") as response,
    ):
        lines = response.iter_lines()
        first = next(lines)
        _away_and_back(client, postgres)
        followed = _parsed("\n".join([first, *lines]))
    done = check_whole(client, job, 20)
    told = [number for number, kind, _ in followed if kind not in ("snapshot", "progress")]
    assert told == list(range(1, done["last_event"] + 1))
    assert followed[-1][1] == "done"
    check_whole(client, submit(client, 1), 1)
    assert len(client.get("/api/jobs").json()["jobs"]) == 2  # what was refused was not stored


def _away_and_back(client: httpx.Client, postgres: OwnPostgres) -> None:
    postgres.stop()
    for path in ("/api/jobs", "/readyz"):
        refused = client.get(path)
        assert refused.status_code == 503, refused.text
        assert int(refused.headers["retry-after"]) > 0
    submitted = client.post("/api/jobs", json={"spell": SPELL})
    assert (submitted.status_code, submitted.json()["code"]) == (503, "database_unavailable")
    assert client.get("/healthz").status_code == 200
    postgres.start()


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_nothing_is_lost_or_doubled_however_often_the_database_is_stopped(
    machine: Callable[..., Any], postgres: OwnPostgres
) -> None:
    """Fault F04, fifty times; whoever gets no answer sends the same again under its key."""
    client = machine("a", 0.01).start()
    accepted: dict[str, str] = {}

    def send(key: str) -> bool:
        answer = client.post("/api/jobs", json={"spell": SPELL, "count": 2}, headers={"Idempotency-Key": key})
        if answer.status_code == 202:
            assert accepted.setdefault(key, answer.json()["id"]) == answer.json()["id"]
        else:
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable"), answer.text
        return answer.status_code == 202

    for cycle in range(50):
        send(f"key {cycle}")
        postgres.stop()
        assert not send(f"late {cycle}")
        postgres.start()
        deadline = time.monotonic() + 30
        while not all([send(f"key {cycle}"), send(f"late {cycle}")]):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    for job in accepted.values():
        check_whole(client, job, 2)
    assert len(accepted) == 100
