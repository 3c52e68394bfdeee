"""What the service adds and what it bears, with a no-op engine: the server in its own process, load from this one.

    python bench/service.py [--seconds 60] [--jobs 2000]

Prints a table of figure, limit and verdict. The load of the machine is printed beside it: on a shared machine
the figures are upper bounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

# This file has the name of the package it measures.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]
OWN_KEY = "a key for the benchmark"
SPELL = {"prompt": "a cat", "params": {"steps": 2, "sampler": "Euler", "seed": 1, "width": 64, "height": 64}}
SERVER = """
import json, sys, time
from pathlib import Path
from generator.testing import FakeEngine
from service.app import create_app
from service.listening import listen
from service.serving import serve
from service.testing import quiet_settings

settings = quiet_settings(Path(sys.argv[1]), port=int(sys.argv[2]), log_level="error", **json.loads(sys.argv[3]))
pause = float(sys.argv[4])
engine = lambda: FakeEngine(before_step=(lambda: time.sleep(pause)) if pause else None)
serve(create_app(settings, fake_engine=engine), settings, listen(settings))
"""
RAW = """
import base64, json, sys
from fastapi import FastAPI, Response
from service.listening import listen
from service.testing import quiet_settings
from pathlib import Path
import uvicorn

answers = json.loads(sys.stdin.readline())
app = FastAPI()
for number, (media_type, body) in enumerate(answers):
    def route(body=base64.b64decode(body), media_type=media_type):
        async def answer() -> Response:
            return Response(body, media_type=media_type)
        return answer
    app.get(f"/{number}")(route())
settings = quiet_settings(Path(sys.argv[1]), port=int(sys.argv[2]))
uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=listen(settings))
"""


@dataclass
class Row:
    """One line of the table."""

    what: str
    figure: str
    limit: str
    is_kept: bool


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def process(code: str, folder: Path, *arguments: str, text: str = "") -> Iterator[tuple[httpx.Client, int, float]]:
    """A server; gives a client, its process id and the seconds it took to be ready."""
    port, began = free_port(), time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, str(folder), str(port), *arguments], stdin=subprocess.PIPE
    )
    assert child.stdin is not None
    child.stdin.write(text.encode() + b"\n")
    child.stdin.flush()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        while True:
            try:
                client.get("/readyz")
                break
            except httpx.TransportError:
                if child.poll() is not None:
                    raise
                time.sleep(0.002)
        yield client, child.pid, time.perf_counter() - began
    child.kill()
    child.communicate()


def service(folder: Path, pause: float = 0.0, **settings: object):  # noqa: ANN201
    """Our server with the engine's double."""
    return process(SERVER, folder, json.dumps(settings), str(pause))


def draw(client: httpx.Client, headers: dict[str, str] | None = None, count: int = 1) -> str:
    answer = client.post("/api/jobs", json={"spell": SPELL, "count": count}, headers=headers)
    answer.raise_for_status()
    return str(answer.json()["id"])


def finish(client: httpx.Client, job: str, headers: dict[str, str] | None = None) -> dict:
    while True:
        found = client.get(f"/api/jobs/{job}", headers=headers).json()
        if found["status"] in ("done", "failed", "cancelled"):
            return found
        time.sleep(0.005)


def cpu_seconds(pid: int) -> float:
    """What a process has used: on a busy machine this tells more than the clock."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def overhead(folder: Path) -> list[Row]:
    """Milliseconds added to what FastAPI itself needs to send the same bytes, request by request in turn."""
    import base64

    with service(folder / "overhead") as (ours, our_pid, _):
        job = finish(ours, draw(ours))
        paths = ["/healthz", f"/api/jobs/{job['id']}", job["images"][0]["url"], "/api/capabilities"]
        answers = [ours.get(path) for path in paths]
        bodies = [(a.headers["content-type"], base64.b64encode(a.content).decode()) for a in answers]
        with process(RAW, folder, text=json.dumps(bodies)) as (raw, raw_pid, _):
            rows = []
            for number, path in enumerate(paths):
                times: dict[str, list[float]] = {"ours": [], "raw": []}
                used = cpu_seconds(our_pid), cpu_seconds(raw_pid)
                for _ in range(400):
                    for name, client, address in (("ours", ours, path), ("raw", raw, f"/{number}")):
                        began = time.perf_counter()
                        client.get(address)
                        times[name].append((time.perf_counter() - began) * 1000)
                added = 1000 * (cpu_seconds(our_pid) - used[0] - (cpu_seconds(raw_pid) - used[1])) / len(times["raw"])
                mine, theirs = (statistics.median(times[name]) for name in ("ours", "raw"))
                shown = (
                    path.replace(job["id"], "{id}").replace(path.rsplit("/", 1)[-1], "{id}") if number == 2 else path
                )
                rows.append(
                    Row(
                        f"GET {shown.replace(job['id'], '{id}')}: added p50",
                        f"{mine - theirs:.2f} ms ({mine:.2f} against {theirs:.2f}; CPU {added:+.2f})",
                        "1.5 ms",
                        mine - theirs <= 1.5,
                    )
                )
    return rows


async def request(port: int, path: str) -> tuple[int, bytes]:
    """One GET on a connection of its own; the whole answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    data = await reader.read()
    writer.close()
    return int(data.split(b" ", 2)[1]), data


async def listen_to(port: int, job: str, until: asyncio.Event) -> str | None:
    """Follow a job's events until told; what went wrong, or `None`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /api/jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    status = await reader.readline()
    if b" 200 " not in status:
        return status.decode()
    over = asyncio.create_task(until.wait())
    heard = time.monotonic()
    try:
        while not over.done():
            reading = asyncio.create_task(reader.read(65536))
            await asyncio.wait({reading, over}, return_when=asyncio.FIRST_COMPLETED, timeout=15)
            if reading.done():
                if not reading.result():
                    return "closed"
                heard = time.monotonic()
            else:
                reading.cancel()
                if not over.done() and time.monotonic() - heard > 15:
                    return "silent for 15 s"
        return None
    finally:
        over.cancel()
        writer.close()


async def crowd(port: int, job: str, seconds: float) -> tuple[list[float], list[str]]:
    """200 listeners and 50 requests a second; times in ms, and errors."""
    until, times, errors = asyncio.Event(), [], []
    listeners = [asyncio.create_task(listen_to(port, job, until)) for _ in range(200)]

    async def one(at: int) -> None:
        began = time.perf_counter()
        try:
            status, _ = await request(port, ("/api/jobs?limit=5", f"/api/jobs/{job}", "/healthz")[at % 3])
            if status != 200:
                errors.append(str(status))
        except OSError as failed:
            errors.append(repr(failed))
        times.append((time.perf_counter() - began) * 1000)

    sent, began = [], time.perf_counter()
    for at in range(int(50 * seconds)):
        await asyncio.sleep(max(0.0, began + at / 50 - time.perf_counter()))
        sent.append(asyncio.create_task(one(at)))
    await asyncio.gather(*sent)
    until.set()
    errors += [found for found in await asyncio.gather(*listeners) if found is not None]
    return times, errors


def listeners(folder: Path, seconds: float) -> list[Row]:
    with service(folder / "listeners", pause=0.2) as (client, _, _):
        order = {"spell": SPELL | {"params": SPELL["params"] | {"steps": 150}}, "count": 64}  # type: ignore[operator]
        job = client.post("/api/jobs", json=order).json()["id"]
        times, errors = asyncio.run(crowd(client.base_url.port or 0, job, seconds))
    p99 = statistics.quantiles(times, n=100)[98]
    what = f"200 listeners and 50 requests/s for {seconds:.0f} s"
    return [
        Row(f"{what}: p99", f"{p99:.0f} ms (p50 {statistics.median(times):.1f})", "300 ms", p99 < 300),
        Row(f"{what}: errors", f"{len(errors)} {sorted(set(errors))[:3] if errors else ''}", "0", not errors),
    ]


def readiness(folder: Path, jobs: int) -> list[Row]:
    """From the start of the process to the first answer that it is ready."""
    from prompts.spell import Params, Spell
    from service.ids import IdFactory, utc_now
    from service.jobs import Job, JobKind
    from service.policy import Policy
    from service.store.database import Database
    from service.store.job_store import SqlJobStore

    place = folder / "ready"
    place.mkdir()
    database, new_id = Database(place / "spellwright.db"), IdFactory()
    database.migrate()
    spell = Spell("a cat", params=Params(2, "Euler", None, 7.0, 1, 64, 64, 1, "demo"))
    stamp = Policy().check(spell)
    first = Job("", JobKind.GENERATE, utc_now(), spell=spell, policy_stamp=f"{stamp.policy_version}:{stamp.digest}")
    store = SqlJobStore(database)
    for at in range(jobs):
        store.add(replace(first, id=new_id(), tenant=f"t{at % 20}"))
    database.close()
    found = []
    for _ in range(3):
        with service(place, pause=5.0) as (_, _, seconds):
            found.append(seconds)
    best = min(found)
    return [
        Row(
            f"ready with {jobs} queued jobs",
            f"{best:.2f} s (of {', '.join(f'{s:.2f}' for s in found)})",
            "2 s",
            best < 2,
        )
    ]


def fairness(folder: Path) -> list[Row]:
    """Five users draw one picture each, alone and beside one who has filled his queue."""
    with service(folder / "fair", pause=0.01, api_key=OWN_KEY) as (client, _, _):

        def key(name: str) -> dict[str, str]:
            body = {"name": name, "tenant": name}
            made = client.post("/api/keys", json=body, headers={"authorization": f"Bearer {OWN_KEY}"})
            return {"authorization": f"Bearer {made.json()['key']}"}

        users = [key(f"user{number}") for number in range(5)]
        flood = key("flood")

        def waits() -> float:
            found = []
            for _ in range(4):
                began = time.perf_counter()
                jobs = [(draw(client, user), user) for user in users]
                for job, user in jobs:
                    finish(client, job, user)
                    found.append(time.perf_counter() - began)
            return statistics.median(found)

        waits()
        alone = waits()
        for _ in range(100):
            draw(client, flood, count=8)
        beside = waits()
        ratio = beside / alone
    return [
        Row(
            "one flooder, five users: their wait",
            f"{ratio:.2f} x ({beside * 1000:.0f} ms against {alone * 1000:.0f})",
            "2 x",
            ratio <= 2,
        )
    ]


def memory(folder: Path, jobs: int) -> list[Row]:
    """Resident memory after the first tenth of the jobs and after all of them."""
    with service(folder / "memory") as (client, pid, _):

        def resident() -> float:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

        def work(count: int) -> None:
            waiting: list[str] = []
            for _ in range(count):
                waiting.append(draw(client))
                if len(waiting) >= 20:
                    for job in waiting:
                        finish(client, job)
                    waiting.clear()

        work(jobs // 10)
        before = resident()
        work(jobs)
        after = resident()
    grown = 100 * (after / before - 1)
    return [Row(f"memory over {jobs} jobs", f"{grown:+.1f} % ({before:.0f} to {after:.0f} MiB)", "+5 %", grown <= 5)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--only", default="")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="spellwright-bench-") as name:
        folder = Path(name)
        parts = {
            "overhead": lambda: overhead(folder),
            "ready": lambda: readiness(folder, chosen.jobs),
            "fair": lambda: fairness(folder),
            "memory": lambda: memory(folder, chosen.jobs),
            "listeners": lambda: listeners(folder, chosen.seconds),
        }
        print("| figure | measured | limit | kept | load |\n|---|---|---|---|---|")
        for part, measure in parts.items():
            if not chosen.only or part in chosen.only.split(","):
                load = os.getloadavg()[0]
                for row in measure():
                    print(
                        f"| {row.what} | {row.figure} | {row.limit} | {'yes' if row.is_kept else 'NO'} | {load:.1f} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
