"""Runs the application under uvicorn, and lets open event streams end when the process is told to stop."""

from __future__ import annotations

import logging
import math
import signal
import socket
import sys
import time
from collections.abc import Sequence
from types import FrameType

import uvicorn
from fastapi import FastAPI

from service.listening import address_of
from service.services import Services
from service.settings import Settings

ECHO_SECONDS = 0.5  # a signal within so long after the first came by another way (a terminal, a wrapper)
OWN_LOGGERS = ("service", "generator", "prompts", "uvicorn")
log = logging.getLogger(__name__)


class DrainingServer(uvicorn.Server):
    """uvicorn waits for open answers before it stops the application; endless ones must be told."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app_state = app.state
        self._told_at: float | None = None  # monotonic seconds of the first signal

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then say where it is: uvicorn does not for sockets that it did not open."""
        await super().startup(sockets)
        for listener in (sockets or [])[:1]:
            host = self.config.host or ""
            log.info("action=serve outcome=ready address=%s (Ctrl+C stops it)", address_of(listener, host))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First signal: drain. A later one: leave at once, jobs are taken up by the next process."""
        now = time.monotonic()
        if self._told_at is not None and now - self._told_at > ECHO_SECONDS:
            signal.signal(sig, signal.SIG_DFL)  # uvicorn hurries by Ctrl+C alone, and not once it is stopping
            signal.raise_signal(sig)
        self._told_at = self._told_at or now
        self._begin_drain()
        super().handle_exit(sig, frame)

    def drain(self) -> None:
        """What the first signal does, for whoever runs the server on a thread."""
        self._begin_drain()
        self.should_exit = True

    def _begin_drain(self) -> None:
        services = getattr(self._app_state, "services", None)
        if isinstance(services, Services):
            services.begin_drain()


def serve(app: FastAPI, settings: Settings, listeners: Sequence[socket.socket]) -> None:
    """Serve `app` on `listeners` (see `service.listening`) until a signal comes."""
    # The libraries' own talk stays out unless it matters.
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for name in OWN_LOGGERS:
        logging.getLogger(name).setLevel(settings.log_level.upper())
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=32 * 1024,
        timeout_graceful_shutdown=math.ceil(settings.drain_seconds),
    )
    DrainingServer(config, app).run(sockets=list(listeners))
