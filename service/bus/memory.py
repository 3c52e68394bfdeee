"""`EventBus` inside one process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from service.bus.base import Message, Moved, Progress
from service.jobs import JobStatus

BACKLOG = 64  # messages a slow listener may be behind
MOST_KNOWN = 1000  # jobs whose newest progress is kept


class MemorySubscription:
    """A bounded queue that drops the oldest message when full."""

    def __init__(self) -> None:
        self._backlog: deque[Message] = deque(maxlen=BACKLOG)
        self._arrived = asyncio.Event()
        self._is_closed = False

    def put(self, message: Message) -> None:
        """Append; progress directly after older progress replaces it."""
        if isinstance(message, Progress) and self._backlog and isinstance(self._backlog[-1], Progress):
            self._backlog.pop()
        self._backlog.append(message)
        self._arrived.set()

    def close(self) -> None:
        """Wake the listener for good."""
        self._is_closed = True
        self._arrived.set()

    async def next(self, timeout: float) -> Message | None:
        """See `Subscription.next`."""
        if not self._backlog and not self._is_closed:
            self._arrived.clear()
            try:
                # Not `wait_for`: Python 3.11's swallows a cancellation that comes with a message.
                async with asyncio.timeout(timeout):
                    await self._arrived.wait()
            except TimeoutError:
                return None
        return self._backlog.popleft() if self._backlog else None


class MemoryBus:
    """See `service.bus.base.EventBus`."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[MemorySubscription]] = {}
        self._progress: dict[str, Progress] = {}
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether the process is stopping."""
        return self._is_closed

    def start(self, heard: Callable[[Moved], None]) -> None:
        """See `EventBus.start`: there are no other processes to hear of."""

    def stop(self) -> None:
        """See `EventBus.stop`."""

    def publish(self, message: Message) -> None:
        """Hand a message to every listener of its job; never blocks."""
        if isinstance(message, Progress):
            before = self._progress.get(message.job_id)
            shown = None if before is None else before.preview
            # Listeners get a preview once; whoever asks later gets the newest there was.
            self._progress[message.job_id] = replace(message, preview=message.preview or shown)
            if len(self._progress) > MOST_KNOWN:  # from a worker that had lost its job, after the job's end
                del self._progress[next(iter(self._progress))]
        elif message.status not in (JobStatus.RUNNING, JobStatus.CANCELLING):
            self._progress.pop(message.job_id, None)
        for listener in self._listeners.get(message.job_id, ()):
            listener.put(message)

    @asynccontextmanager
    async def subscribe(self, job_id: str) -> AsyncIterator[MemorySubscription]:
        """Listen to one job; messages published after entering arrive."""
        listener = MemorySubscription()
        if self._is_closed:
            listener.close()
        self._listeners.setdefault(job_id, set()).add(listener)
        try:
            yield listener
        finally:
            listeners = self._listeners[job_id]
            listeners.discard(listener)
            if not listeners:
                del self._listeners[job_id]

    def latest(self, job_id: str) -> Progress | None:
        """The newest progress of a running job; `None` when there is none."""
        return self._progress.get(job_id)

    def close(self) -> None:
        """Wake every listener and let no new one wait."""
        self._is_closed = True
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.close()
