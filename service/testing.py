"""A real server on a loopback port with the engine's double behind it, for tests of whatever talks HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from generator.testing import FakeEngine
from service.app import create_app
from service.assembly import BuildEngine
from service.errors import ServiceError
from service.listening import listen
from service.serving import DrainingServer
from service.settings import Settings

START_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that answers at `url`."""

    url: str
    settings: Settings


def quiet_settings(data_dir: Path, **values: Any) -> Settings:
    """Settings for tests: nothing from the environment's language model, short heartbeats, any free disk will do."""
    none: dict[str, Any] = {"llm_base_url": None, "llm_api_key": None, "api_key": None, "database_url": None}
    chosen = none | {"heartbeat_seconds": 0.2, "c2pa": "off", "min_free_bytes": 0} | values
    return Settings(data_dir=data_dir, **chosen)


@contextmanager
def running_server(
    settings: Settings, engine: BuildEngine | None = FakeEngine, *, port: int = 0
) -> Iterator[RunningServer]:
    """Serve until the block is left; then drain as on SIGTERM.

    Args:
        settings: `host` and `port` are ignored.
        engine: Makes the engine's double, on the engine's thread; `None` takes the real engine.
        port: On loopback; 0 takes a free one.

    Raises:
        ServiceError: It did not start in time.
    """
    (listener,) = listen(settings.model_copy(update={"host": "127.0.0.1", "port": port}))
    app = create_app(settings, fake_engine=engine or False)
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=10)
    server = DrainingServer(config, app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            if time.monotonic() > deadline or not thread.is_alive():
                raise ServiceError("The test server did not start.")
            time.sleep(0.005)
        yield RunningServer(f"http://127.0.0.1:{listener.getsockname()[1]}", settings)
    finally:
        server.drain()
        thread.join(START_SECONDS)
        listener.close()
