"""Clients that leave in the middle: work for them alone ends soon, and nothing half is kept (fault F11)."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from service.testing import RunningServer, quiet_settings, running_server

FREED_SECONDS = 5.0


@dataclass
class Slow:
    """A language model that says a word now and then, and notices when nobody listens any more."""

    url: str = ""
    began: threading.Event = field(default_factory=threading.Event)
    was_left: threading.Event = field(default_factory=threading.Event)


class SlowHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        slow: Slow = self.server.slow  # type: ignore[attr-defined]
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        text = '{"reply": "' + "word " * 10_000
        try:
            for at in range(0, len(text), 15):
                delta = {"choices": [{"index": 0, "delta": {"content": text[at : at + 15]}, "finish_reason": None}]}
                self.wfile.write(f"data: {json.dumps(delta)}\n\n".encode())
                slow.began.set()
                time.sleep(0.02)
        except OSError:
            slow.was_left.set()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    with ThreadingHTTPServer(("127.0.0.1", 0), SlowHandler) as server:
        server.daemon_threads = True
        server.slow = made  # type: ignore[attr-defined]
        made.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield made
        server.shutdown()


DOORS: dict[str, Callable[[str], tuple[str, dict[str, Any]]]] = {
    "native": lambda spell: (f"/api/spells/{spell}/chat", {"message": "make it night"}),
    "openai": lambda spell: (
        "/v1/chat/completions",
        {
            "model": "spellwright",
            "stream": True,
            "messages": [{"role": "user", "content": "make it night"}],
            "metadata": {"spell_id": spell},
        },
    ),
}


def half_heard(client: httpx.Client, path: str, body: dict[str, Any], began: threading.Event) -> None:
    """Listen until the model has begun, then hang up."""
    with client.stream("POST", path, json=body, headers={"Accept": "text/event-stream"}) as response:
        assert response.status_code == 200, response.read()
        for _ in response.iter_lines():
            if began.is_set():
                return
    raise AssertionError("it ended first")


@pytest.mark.parametrize("door", DOORS)
def test_a_listener_that_leaves_a_chat_ends_the_language_model_s_work_and_stores_nothing(
    tmp_path: Path, slow: Slow, door: str
) -> None:
    settings = quiet_settings(tmp_path, llm_base_url=slow.url, llm_model="slow")
    with running_server(settings) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        made = client.post("/api/spells", json={"idea": "a cat", "offline": True}).json()["spell_id"]
        with httpx.Client(base_url=server.url, timeout=30) as leaver:
            half_heard(leaver, *DOORS[door](made), slow.began)
        assert slow.was_left.wait(FREED_SECONDS), "the model goes on for nobody"
        whole = client.get(f"/api/spells/{made}").json()
        assert (whole["head"]["number"], whole["turns"]) == (1, [])


def half_sent(server: RunningServer, head: str, body: bytes, declared: int) -> None:
    place = (urlsplit(server.url).hostname or "", urlsplit(server.url).port or 0)
    with socket.create_connection(place, timeout=10) as wire:
        lines = f"{head}\r\nHost: localhost\r\nContent-Length: {declared}\r\n\r\n"
        wire.sendall(lines.encode() + body)


HALF = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + b"\x89PNG" * 400_000


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files in /proc")
@pytest.mark.parametrize("path", ["/api/interrogations", "/api/generate", "/api/sources", "/v1/images/edits"])
def test_an_upload_that_breaks_off_leaves_no_job_and_no_open_or_stored_file(tmp_path: Path, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x"
    with running_server(quiet_settings(tmp_path)) as server:
        with httpx.Client(base_url=server.url, timeout=30) as client:
            for _ in range(8):  # whatever is opened once is open now
                client.get("/api/jobs")
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(40):
                half_sent(server, head, HALF, 2 * len(HALF))
            deadline = time.monotonic() + FREED_SECONDS
            while len(os.listdir("/proc/self/fd")) > before + 8 and time.monotonic() < deadline:
                time.sleep(0.02)
            assert len(os.listdir("/proc/self/fd")) <= before + 8
            assert client.get("/api/jobs").json()["jobs"] == []
        assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
