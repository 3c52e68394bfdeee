"""`EventBus` between processes on one PostgreSQL database, by its LISTEN and NOTIFY.

What is published here reaches this process's listeners at once, and those of other processes as a
notification. A notification may be lost (a broken connection, a full queue): nothing depends on it, since
whoever follows a job reads its durable events from the store, also after a silence.
"""

from __future__ import annotations

import asyncio
import json
import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from service.bus.base import Message, Moved, Progress
from service.bus.memory import MemoryBus
from service.jobs import JobStatus

if TYPE_CHECKING:
    import psycopg

CHANNEL = "spellwright"
MOST_BYTES = 7900  # PostgreSQL takes 8000
MOST_WAITING = 1000  # messages that are not sent yet; the next ones are dropped
PATIENCE_SECONDS = 1.0
log = logging.getLogger(__name__)


class PostgresBus(MemoryBus):
    """See `service.bus.base.EventBus`.

    Args:
        url: The database, as psycopg reads it.
        name: This process; what it sends comes back and is known by this.
    """

    def __init__(self, url: str, name: str) -> None:
        super().__init__()
        self._url = url
        self._name = name
        self._heard: Callable[[Moved], None] | None = None
        self._leaving: queue.Queue[str | None] = queue.Queue(MOST_WAITING)
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads: list[threading.Thread] = []

    def start(self, heard: Callable[[Moved], None]) -> None:
        """See `EventBus.start`."""
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        for work in (self._listen, self._send):
            run = threading.Thread(target=self._persist, args=(work,), name=f"bus{work.__name__}", daemon=True)
            self._threads.append(run)
            run.start()

    def stop(self) -> None:
        """See `EventBus.stop`; waits for what the two threads are doing."""
        self._stopping.set()
        with suppress(queue.Full):
            self._leaving.put_nowait(None)
        for thread in self._threads:
            thread.join(2 * PATIENCE_SECONDS)

    def publish(self, message: Message) -> None:
        """Hand a message to every listener of its job, here and elsewhere; never blocks."""
        super().publish(message)
        try:
            self._leaving.put_nowait(encoded(message, self._name))
        except queue.Full:
            log.warning("action=notify outcome=dropped job=%s", message.job_id)

    def _arrived(self, message: Message) -> None:
        super().publish(message)
        if isinstance(message, Moved) and self._heard is not None:
            self._heard(message)

    def _persist(self, work: Callable[[psycopg.Connection[Any]], None]) -> None:
        """Do `work` on a connection, again on a new one when that breaks."""
        import psycopg  # noqa: PLC0415 (only who has PostgreSQL has the driver)

        while not self._stopping.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=5) as connection:
                    work(connection)
            except psycopg.Error as failed:
                log.warning("action=notify outcome=disconnected reason=%s", type(failed).__name__)
                self._stopping.wait(PATIENCE_SECONDS)

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(f"LISTEN {CHANNEL}".encode())
        while not self._stopping.is_set():
            for note in connection.notifies(timeout=PATIENCE_SECONDS):
                message = decoded(note.payload, self._name)
                if message is not None and self._loop is not None and not self._loop.is_closed():
                    self._loop.call_soon_threadsafe(self._arrived, message)

    def _send(self, connection: psycopg.Connection[Any]) -> None:
        # Not for ever: a full queue takes no word that it is over.
        while not self._stopping.is_set() and (text := self._next()) is not None:
            if text:
                connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, text))

    def _next(self) -> str | None:
        """The next text to send; empty after a while without one, `None` at the end."""
        try:
            return self._leaving.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            return ""


def encoded(message: Message, sender: str) -> str:
    """A message as text of at most `MOST_BYTES`: a preview that is too large stays behind."""
    if isinstance(message, Moved):
        return json.dumps({"from": sender, "moved": [message.job_id, message.status]})
    text = json.dumps({"from": sender, "progress": asdict(message)})
    return text if len(text) <= MOST_BYTES else encoded(replace(message, preview=None), sender)


def decoded(text: str, receiver: str) -> Message | None:
    """The message of another process; `None` for one's own and for what is none of ours."""
    try:
        data = json.loads(text)
        if data["from"] == receiver:
            return None
        if "moved" in data:
            job_id, status = data["moved"]
            return Moved(str(job_id), JobStatus(status))
        return Progress(**data["progress"])
    except (ValueError, TypeError, KeyError):  # somebody else's notification on our channel
        return None
