"""What every use case stands on, as one frozen bundle made by `service.assembly`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

from service.auth.caller import LOCAL
from service.blobs.base import BlobStore
from service.bus.base import EventBus
from service.ids import Clock, NewId
from service.one_at_a_time import OneAtATime
from service.outbound import OutboundRules
from service.policy.pictures import PictureCheck
from service.provenance.seal import NoSeal, Seal
from service.shared_reads import SharedReads
from service.store.base import ImageStore, JobQueue, Room, SpellStore


@dataclass(frozen=True, slots=True)
class Backbone:
    """Stores, blobs, bus, time and ids of one process; the stores as far as a tenant sees them, or whole."""

    jobs: JobQueue
    spells: SpellStore
    images: ImageStore
    blobs: BlobStore
    bus: EventBus
    clock: Clock
    new_id: NewId
    owner: str
    """This process's name in the job store."""
    seal: Seal = field(default_factory=NoSeal)
    """Signs every picture that is stored."""
    picture_check: PictureCheck | None = None
    """The operator's classifier of finished pictures; `None`: there is none."""
    tenant: str | None = None
    """Whose things the stores show; `None`: everybody's, for the workers and the housekeeping."""
    person: str = ""
    """Who of the tenant asks; see `SpellVersion.person`."""
    reads: SharedReads = field(default_factory=SharedReads)
    """Reads that all listeners of a job make at the same moment."""
    one_at_a_time: OneAtATime = field(default_factory=OneAtATime)
    """Turns of calls under one idempotency key that store more than their job."""

    def of(self, tenant: str, person: str = "") -> Backbone:
        """The same with the stores of one tenant: what it asks for and stores is its own."""
        return replace(
            self,
            jobs=self.jobs.of(tenant),
            spells=self.spells.of(tenant),
            images=self.images.of(tenant),
            tenant=tenant,
            person=person,
        )


@dataclass(frozen=True, slots=True)
class JobLimits:
    """The operator's limits on what is accepted."""

    images_per_job: int = 64
    queued_jobs: int = 2000
    queued_jobs_per_tenant: int = 100
    upload_bytes: int = 20 * 2**20
    min_free_bytes: int = 0
    webhook_rules: OutboundRules | None = None
    """Which addresses an order may have told of its end; `None`: none."""

    def room(self, tenant: str | None) -> Room:
        """How many jobs may wait when `tenant` submits one; this machine's own user has the whole queue."""
        return Room(self.queued_jobs, None if tenant in (None, LOCAL) else self.queued_jobs_per_tenant)


class Workers(Protocol):
    """Whoever works on the queue in this process."""

    def wake(self) -> None:
        """There is something in the queue."""
        ...

    def cancel(self, job_id: str) -> None:
        """Stop working on a job at the next step boundary; not in work here: no-op."""
        ...
