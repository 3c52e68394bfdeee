"""Event streams through a proxy that cuts every connection after a while, and clients that leave."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from generator.testing import FakeEngine
from service.testing import quiet_settings, running_server

SPELL = {"prompt": "a cat", "params": {"steps": 12, "sampler": "Euler", "seed": 1, "width": 64, "height": 64}}


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            sink.sendall(piece)
    except OSError:
        pass


def carry(client: socket.socket, target: tuple[str, int], seconds: float) -> None:
    with client, socket.create_connection(target) as server:
        for pair in ((client, server), (server, client)):
            threading.Thread(target=pump, args=pair, daemon=True).start()
        time.sleep(seconds)
        for wire in (client, server):
            wire.shutdown(socket.SHUT_RDWR)


@contextmanager
def cutting_proxy(url: str, seconds: float) -> Iterator[str]:
    """A proxy that ends every connection `seconds` after it began, whatever it carries."""
    target = (urlsplit(url).hostname or "", urlsplit(url).port or 0)
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=carry, args=(client, target, seconds), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def one_connection(client: httpx.Client, job: str, last: int | None) -> tuple[list[tuple[int, str]], bool]:
    """(number, kind) of the durable events until the connection ends, and whether the server says it is over."""
    headers = {} if last is None else {"last-event-id": str(last)}
    events, number, kind = [], None, ""
    query = "?after=0" if last is None else ""
    try:
        with client.stream("GET", f"/api/jobs/{job}/events{query}", headers=headers) as response:
            if response.status_code == 204:
                return [], True
            for line in response.iter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    number = int(value)
                elif name == "event":
                    kind = value
                elif name == "data" and number is not None:
                    if kind != "snapshot":
                        events.append((number, kind))
                    number = None
    except httpx.TransportError:
        pass
    return events, False


def test_a_client_behind_a_proxy_that_cuts_misses_nothing_and_hears_nothing_twice(tmp_path: Path) -> None:
    engine = lambda: FakeEngine(before_step=lambda: time.sleep(0.12))  # noqa: E731
    with running_server(quiet_settings(tmp_path), engine) as server, cutting_proxy(server.url, 0.3) as address:
        with httpx.Client(base_url=server.url, timeout=20) as direct:
            job = direct.post("/api/jobs", json={"spell": SPELL, "count": 6}).json()["id"]
        got: list[tuple[int, str]] = []
        connections, is_over = 0, False
        deadline = time.monotonic() + 60
        while not is_over and time.monotonic() < deadline:
            with httpx.Client(base_url=address, timeout=20) as client:
                events, is_over = one_connection(client, job, got[-1][0] if got else None)
            got += events
            connections += 1
    assert [number for number, _ in got] == list(range(1, len(got) + 1))
    assert [kind for _, kind in got].count("image") == 6 and got[-1][1] == "done"
    assert connections > 2


def test_a_silent_stream_is_kept_awake_and_not_held_back_by_a_proxy(tmp_path: Path) -> None:
    engine = lambda: FakeEngine(before_step=lambda: time.sleep(3))  # noqa: E731
    with running_server(quiet_settings(tmp_path), engine) as server, httpx.Client(base_url=server.url) as client:
        job = client.post("/api/jobs", json={"spell": SPELL}).json()["id"]
        with client.stream("GET", f"/api/jobs/{job}/events") as response:
            assert response.headers["x-accel-buffering"] == "no"
            assert "no-transform" in response.headers["cache-control"]
            beats = 0
            for line in response.iter_lines():
                beats += line.startswith(":")
                if beats == 3:
                    break
        client.delete(f"/api/jobs/{job}")
    assert quiet_settings(tmp_path).heartbeat_seconds < 15
    assert type(quiet_settings(tmp_path)).model_fields["heartbeat_seconds"].default < 15


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files in /proc")
def test_clients_that_leave_in_the_middle_leave_nothing_open(tmp_path: Path) -> None:
    engine = lambda: FakeEngine(before_step=lambda: time.sleep(0.05))  # noqa: E731
    with running_server(quiet_settings(tmp_path), engine) as server:
        place = (urlsplit(server.url).hostname or "", urlsplit(server.url).port or 0)
        with httpx.Client(base_url=server.url, timeout=20) as client:
            job = client.post("/api/jobs", json={"spell": SPELL, "count": 4}).json()["id"]
            while not client.get(f"/api/jobs/{job}").json()["images"]:  # every worker has opened what it needs
                time.sleep(0.02)
            before = len(os.listdir("/proc/self/fd"))
            ask = f"GET /api/jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
            body = json.dumps({"spell": SPELL})
            head = "POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            half = f"{head}Content-Length: {len(body)}\r\n\r\n{body[:20]}"
            for turn in range(60):
                with socket.create_connection(place, timeout=10) as wire:
                    wire.sendall(ask if turn % 2 else half.encode())
                    if turn % 6 == 1:
                        wire.recv(100)
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline and len(os.listdir("/proc/self/fd")) > before:
                time.sleep(0.02)
            # A pool may have opened a few files of its own meanwhile; sixty connections would be many more.
            assert len(os.listdir("/proc/self/fd")) <= before + 8
            while client.get(f"/api/jobs/{job}").json()["status"] != "done":
                time.sleep(0.02)
            assert len(client.get("/api/jobs").json()["jobs"]) == 1


def test_fifty_submits_at_once_under_one_key_make_one_job_over_http_too(tmp_path: Path) -> None:
    with running_server(quiet_settings(tmp_path)) as server:

        def submit(at: int) -> tuple[int, Any]:
            with httpx.Client(base_url=server.url, timeout=30) as client:
                body = {"spell": SPELL, "count": 1}
                answer = client.post("/api/jobs", json=body, headers={"Idempotency-Key": "one"})
                return answer.status_code, answer.json()["id"]

        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(submit, range(50)))
        assert {status for status, _ in answers} == {202}
        assert len({job for _, job in answers}) == 1
        with httpx.Client(base_url=server.url) as client:
            other = {"spell": SPELL, "count": 2}
            assert client.post("/api/jobs", json=other, headers={"Idempotency-Key": "one"}).status_code == 422
