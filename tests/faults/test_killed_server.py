from __future__ import annotations

import hashlib
import json
import signal
import time
from collections.abc import Callable
from typing import Any

import httpx

SPELL = {"prompt": "a cat", "params": {"steps": 10, "sampler": "Euler", "seed": 100, "width": 64, "height": 64}}
IN_ENGINE = 16  # pictures of one job drawn at once: with one more, some are finished before the last begins


def submit(client: httpx.Client, count: int = 1) -> str:
    answer = client.post("/api/jobs", json={"spell": SPELL, "count": count})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def wait(client: httpx.Client, job: str, ready: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found: dict[str, Any] = client.get(f"/api/jobs/{job}").json()
        if ready(found):
            return found
        time.sleep(0.02)
    raise AssertionError(found["status"])


def numbers(client: httpx.Client, job: str) -> list[int]:
    with client.stream("GET", f"/api/jobs/{job}/events?after=0") as response:
        text = response.read().decode()
    parts = [dict(line.split(": ", 1) for line in part.split("\n") if ": " in line) for part in text.split("\n\n")]
    return [int(part["id"]) for part in parts if part.get("event") != "snapshot" and "id" in part]


def check_whole(client: httpx.Client, job: str, count: int, before: list[dict[str, Any]]) -> dict[str, Any]:
    done = wait(client, job, lambda found: found["status"] in ("done", "failed", "cancelled"))
    assert done["status"] == "done", done["problem"]
    assert [(i["slot"], i["seed"]) for i in done["images"]] == [(n, 100 + n) for n in range(count)]
    kept = {i["id"]: i for i in done["images"]}
    assert all(kept[i["id"]] == i for i in before), "a finished picture was lost or drawn again"
    for image in done["images"]:
        assert hashlib.sha256(client.get(image["url"]).content).hexdigest() == image["sha256"]
    assert numbers(client, job) == list(range(1, done["last_event"] + 1))
    return done


def test_a_killed_server_goes_on_at_the_first_missing_picture_with_the_same_seeds(serve: Any) -> None:
    count = IN_ENGINE + 4
    server = serve(0.03)
    client = server.start()
    job = submit(client, count)
    before = wait(client, job, lambda found: 0 < len(found["images"]) < count)["images"]
    server.kill()
    client = serve(0.0).start()
    done = check_whole(client, job, count, before)
    assert done["attempt"] == 2


def test_a_job_that_only_waited_is_drawn_after_the_restart(serve: Any) -> None:
    server = serve(0.2)
    client = server.start()
    jobs = [submit(client) for _ in range(12)]
    server.kill()
    client = serve(0.0).start()
    for job in jobs:
        check_whole(client, job, 1, [])


def test_a_job_whose_server_dies_again_and_again_fails_as_poisoned_and_the_next_one_is_drawn(serve: Any) -> None:
    server = serve(30.0)
    client = server.start()
    job = submit(client)
    for _ in range(3):
        wait(client, job, lambda found: found["status"] == "running")
        server.kill()
        client = server.start()
        # The dead worker is noticed at the first look around.
        wait(client, job, lambda found: found["status"] != "running" or found["attempt"] > 1)
    failed = wait(client, job, lambda found: found["status"] == "failed")
    assert failed["problem"]["code"] == "job_poisoned"
    server.kill()
    client = serve(0.0).start()
    check_whole(client, submit(client), 1, [])


def test_sigterm_ends_open_streams_puts_the_work_back_and_loses_nothing(serve: Any) -> None:
    server = serve(0.05)
    client = server.start()
    job = submit(client, IN_ENGINE + 2)
    before = wait(client, job, lambda found: len(found["images"]) > 0)["images"]
    with client.stream("GET", f"/api/jobs/{job}/events") as response:
        lines = response.iter_lines()
        next(lines)
        started = time.monotonic()
        assert server.terminate() in (0, -signal.SIGTERM)  # uvicorn ends by the signal it was given
        rest = list(lines)
    assert time.monotonic() - started < 10
    assert not any(line == "event: failed" for line in rest)
    client = serve(0.0).start()
    done = check_whole(client, job, IN_ENGINE + 2, before)
    events = client.get(f"/api/jobs/{job}/events?after=0").text
    waiting = [json.loads(line[6:]) for line in events.split("\n") if line.startswith("data: ") and "reason" in line]
    assert [event["reason"] for event in waiting] == ["draining"]
    assert done["attempt"] == 2


def test_a_second_sigterm_ends_at_once_and_the_work_is_taken_up_later(serve: Any) -> None:
    server = serve(8.0)  # a step takes longer than anybody would wait
    client = server.start()
    job = submit(client)
    wait(client, job, lambda found: found["status"] == "running")
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.7)  # sooner it would count as the same signal
    began = time.monotonic()
    assert server.terminate() == -signal.SIGTERM
    assert time.monotonic() - began < 3
    client = serve(0.0).start()
    check_whole(client, job, 1, [])


def test_a_job_cancelled_while_its_server_dies_stays_cancelled(serve: Any) -> None:
    server = serve(30.0)
    client = server.start()
    job = submit(client)
    wait(client, job, lambda found: found["status"] == "running")
    assert client.delete(f"/api/jobs/{job}").status_code in (200, 202)
    server.kill()
    client = serve(0.0).start()
    assert wait(client, job, lambda found: found["status"] != "cancelling")["status"] == "cancelled"
