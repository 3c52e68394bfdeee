"""The bus: live progress, and wake-up calls for durable events. What matters is in the store; this may be lost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from service.jobs import Job, JobStatus


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running job is; a newer one replaces it."""

    job_id: str
    done: int
    """UNet calls finished over all pictures, or percent of an interrogation."""
    total: int
    phase: str
    """`waiting`, `base`, `hires`, or the stage of an interrogation."""
    eta_seconds: float | None = None
    """`None` until a step was timed."""
    image: int = 0
    """Finished pictures."""
    images: int = 1
    preview: str | None = None
    """A small PNG as a data URL; `None` when there is no new one."""

    def to_json(self) -> dict[str, Any]:
        """JSON-able values."""
        share = 0.0 if self.total <= 0 else min(1.0, self.done / self.total)
        eta = None if self.eta_seconds is None else round(self.eta_seconds, 1)
        return {
            "done": self.done,
            "total": self.total,
            "share": round(share, 4),
            "phase": self.phase,
            "eta_seconds": eta,
            "image": self.image,
            "images": self.images,
            "preview": self.preview,
        }


@dataclass(frozen=True, slots=True)
class Moved:
    """A durable event of a job is in the store now; whoever follows the job reads it there."""

    job_id: str
    status: JobStatus

    @classmethod
    def of(cls, job: Job) -> Moved:
        """The call for a job as it was just stored."""
        return cls(job.id, job.status)


Message = Moved | Progress


class Subscription(Protocol):
    """One listener's queue."""

    async def next(self, timeout: float) -> Message | None:
        """The next message; `None` after `timeout` seconds of silence, or at once when the bus is closed.

        When the listener is slow the oldest messages are dropped; nothing is lost by that, since durable
        events are read from the store and a newer progress replaces an older one.
        """
        ...


class EventBus(Protocol):
    """Publish and subscribe per job. All methods are called on the event loop."""

    def start(self, heard: Callable[[Moved], None]) -> None:
        """Begin; `heard` is called with what happens to jobs in other processes, where the bus reaches them."""
        ...

    def stop(self) -> None:
        """End what `start` began; blocking, from any thread."""
        ...

    def publish(self, message: Message) -> None:
        """Hand a message to every listener of its job; never blocks."""
        ...

    def subscribe(self, job_id: str) -> AbstractAsyncContextManager[Subscription]:
        """Listen to one job; messages published after entering arrive."""
        ...

    def latest(self, job_id: str) -> Progress | None:
        """The newest progress of a running job; `None` when there is none."""
        ...

    @property
    def is_closed(self) -> bool:
        """Whether the process is stopping; open streams end then."""
        ...

    def close(self) -> None:
        """Wake every listener and let no new one wait."""
        ...
