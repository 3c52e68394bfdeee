"""A server in its own process, so that it can be killed."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx
import pytest

SERVER = """
import json, sys, time
from pathlib import Path
from generator.testing import FakeEngine
from service.app import create_app
from service.listening import listen
from service.serving import serve
from service.testing import quiet_settings

pause = float(sys.argv[3])
settings = quiet_settings(
    Path(sys.argv[1]), port=int(sys.argv[2]), **({"drain_seconds": 5, "log_level": "warning"} | json.loads(sys.argv[4]))
)
engine = lambda: FakeEngine(before_step=lambda: time.sleep(pause))
serve(create_app(settings, fake_engine=engine), settings, listen(settings))
"""


@dataclass
class Server:
    """A child process that serves a data folder; every step of its engine takes `pause` seconds."""

    folder: Path
    pause: float
    process: subprocess.Popen[bytes] | None = None
    url: str = ""
    prelude: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    stderr: IO[bytes] | None = None
    clients: list[httpx.Client] = field(default_factory=list)

    def start(self) -> httpx.Client:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        arguments = [sys.executable, "-c", self.prelude + SERVER, str(self.folder), str(port), str(self.pause)]
        arguments.append(json.dumps(self.settings))
        self.process = subprocess.Popen(arguments, stderr=self.stderr)
        self.url = f"http://127.0.0.1:{port}"
        client = httpx.Client(base_url=self.url, timeout=20)
        self.clients.append(client)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                client.get("/readyz")
            except httpx.TransportError:
                assert self.process.poll() is None, "the server ended while starting"
                time.sleep(0.02)
            else:
                return client
        raise AssertionError("the server did not answer")

    def kill(self) -> None:
        """As a power cut."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def wait_dead(self) -> None:
        """Until it has killed itself."""
        assert self.process is not None
        assert self.process.wait(30) == -signal.SIGKILL

    def terminate(self) -> int:
        """As an operator; gives the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)


@dataclass
class Servers:
    """Makes servers: on the test's one data folder when called, or anywhere."""

    here: Callable[[float], Server]
    at: Callable[[Path, float, dict[str, Any], str], Server]

    def __call__(self, pause: float) -> Server:
        return self.here(pause)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Servers]:
    """Make servers on the test's one data folder."""
    made: list[Server] = []

    def make(pause: float) -> Server:
        made.append(Server(tmp_path / "data", pause))
        return made[-1]

    def make_at(folder: Path, pause: float, settings: dict[str, Any], prelude: str) -> Server:
        made.append(Server(folder, pause, settings=settings, prelude=prelude))
        return made[-1]

    yield Servers(make, make_at)
    for server in made:
        for client in server.clients:
            client.close()
        if server.process is not None and server.process.poll() is None:
            server.kill()
