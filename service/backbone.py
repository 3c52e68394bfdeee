"""What every use case stands on, as one frozen bundle made by `service.assembly`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from service.blobs.base import BlobStore
from service.bus.base import EventBus
from service.ids import Clock, NewId
from service.store.base import ImageStore, JobStore, SpellStore


@dataclass(frozen=True, slots=True)
class Backbone:
    """Stores, blobs, bus, time and ids of one process."""

    jobs: JobStore
    spells: SpellStore
    images: ImageStore
    blobs: BlobStore
    bus: EventBus
    clock: Clock
    new_id: NewId
    owner: str
    """This process's name in the job store."""


@dataclass(frozen=True, slots=True)
class JobLimits:
    """The operator's limits on what is accepted."""

    images_per_job: int = 64
    queued_jobs: int = 2000
    upload_bytes: int = 20 * 2**20
    min_free_bytes: int = 0


class Workers(Protocol):
    """Whoever works on the queue in this process."""

    def wake(self) -> None:
        """There is something in the queue."""
        ...

    def cancel(self, job_id: str) -> None:
        """Stop working on a job at the next step boundary; not in work here: no-op."""
        ...
