"""What the use cases need from a store.

Every method is synchronous, safe to call from any thread, and one transaction: when it returns, what
it wrote is on the disk; when it raises, nothing was written. All raise `DatabaseUnavailable` or
`DiskFull` when the database cannot do it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, Self

from service.jobs import EventKind, ImageRecord, Job, JobEvent, JobStatus, Problem, Upload
from service.search import EVERYTHING, Search
from service.spells import ChatTurn, SpellSummary, SpellVersion

LEASE_SECONDS = 20.0
"""How long a claimed job stays its worker's without a sign of life."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many jobs may wait."""

    whole: int
    """Of everybody."""
    of_tenant: int | None = None
    """Of one tenant; `None`: as many as of everybody."""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A client's promise that two requests with one key are the same request."""

    key: str
    fingerprint: str
    """Hash of what was asked; another one under the same key is refused."""


@dataclass(frozen=True, slots=True)
class Move:
    """A job's step to another status, with the event that tells it."""

    to: JobStatus
    event: EventKind
    data: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    problem: Problem | None = None
    spell_id: str | None = None
    spell_version: int | None = None


class JobStore(Protocol):
    """Jobs and their events, as far as one tenant sees them: another tenant's job is no job."""

    def of(self, tenant: str) -> Self:
        """The same jobs as far as `tenant` sees them."""
        ...

    def add(self, job: Job, idempotency: Idempotency | None = None, room: Room | None = None) -> Job:
        """Store a new job of this tenant and its first event; or give the job that was stored under the same key.

        A job that is already final gets its final event only.

        Raises:
            IdempotencyReused: The key belongs to a request with another fingerprint.
            TooManyJobs: There is no more room in the queue; code `queue_full_tenant` for one's own part of it.
        """
        ...

    def get(self, job_id: str) -> Job | None:
        """The job, or `None`."""
        ...

    def by_key(self, idempotency: Idempotency) -> Job | None:
        """The job stored under the key, or `None`.

        Raises:
            IdempotencyReused: The key belongs to a request with another fingerprint.
        """
        ...

    def page(self, limit: int, before: str | None = None) -> Sequence[Job]:
        """Newest first; `before` is the last id of the page above."""
        ...

    def ahead(self, job_id: str) -> int:
        """About how many queued jobs will be claimed before this one; 0 when it is not queued."""
        ...

    def request_cancel(self, job_id: str) -> Job | None:
        """Queued becomes cancelled, running becomes cancelling, anything else stays; `None`: no such job."""
        ...

    def skip(self, job_id: str) -> int | None:
        """Pass over the first slot without a picture of a running generation, with an event; that slot stays empty.

        Returns:
            The slot; `None` when nothing of this job is being drawn.
        """
        ...

    def skipped(self, job_id: str) -> frozenset[int]:
        """The slots that were passed over."""
        ...

    def events(self, job_id: str, after: int, limit: int) -> Sequence[JobEvent]:
        """Events with a number above `after`, in order, at most `limit`."""
        ...


class JobQueue(JobStore, Protocol):
    """The jobs of every tenant, as the workers and the housekeeping see them."""

    def claim(self, owner: str, *, own_only: bool = False, but_not: Collection[str] = ()) -> Job | None:
        """A queued job, now running with a new attempt and a lease; `None` when nothing waits.

        The tenants take turns: fewest jobs in work first, then who was served longest ago; of one tenant
        the oldest job. `own_only` leaves jobs alone that another process accepted, `but_not` those tenants.
        """
        ...

    def counts(self) -> dict[str, int]:
        """How many jobs there are, by status."""
        ...

    def renew(self, owner: str) -> None:
        """Every job that `owner` works on stays its own for another `LEASE_SECONDS`."""
        ...

    def move(self, job_id: str, attempt: int, move: Move) -> Job:
        """Move a claimed job on.

        Raises:
            StaleAttempt: The job is no longer at this attempt.
            IllegalTransition: The present status does not lead there.
        """
        ...

    def reclaim(self, is_dead: Callable[[str], bool], max_crashes: int, me: str = "") -> Sequence[Job]:
        """Put jobs without a worker back into the queue (a cancelling one is cancelled, a poisoned one fails).

        Without a worker is a job whose owner `is_dead`, and one whose lease ran out unless it is `me` who holds it.
        """
        ...

    def forget_keys(self, before: datetime) -> int:
        """Forget idempotency keys older than `before`; returns how many."""
        ...

    def forget_messages(self, before: datetime) -> int:
        """Forget messages to other servers from before `before` that were sent or given up; returns how many."""
        ...


class SpellStore(Protocol):
    """Spells, their versions and chats, as far as one tenant sees them: another tenant's spell is no spell."""

    def of(self, tenant: str) -> Self:
        """The same spells as far as `tenant` sees them."""
        ...

    def create(self, version: SpellVersion) -> SpellVersion:
        """Store version 1 of a new spell."""
        ...

    def append(self, version: SpellVersion, head: int, turn: ChatTurn | None = None) -> SpellVersion:
        """Store the next version, and the chat turn that led to it, together.

        `head` is the number of the newest version the caller knows; `version.parent` may be an older one.
        `version.number` is ignored and drawn.

        Raises:
            NotFound: No such spell.
            Conflict: The head is another version; `head` names it.
        """
        ...

    def add_turn(self, turn: ChatTurn) -> ChatTurn:
        """Store a turn that changed nothing; its number is drawn."""
        ...

    def head(self, spell_id: str) -> SpellVersion | None:
        """The newest version, or `None`."""
        ...

    def version(self, spell_id: str, number: int) -> SpellVersion | None:
        """One version, or `None`."""
        ...

    def versions(self, spell_id: str) -> Sequence[SpellVersion]:
        """All versions, oldest first; empty when there is no such spell."""
        ...

    def turns(self, spell_id: str) -> Sequence[ChatTurn]:
        """All chat turns, oldest first."""
        ...

    def page(self, limit: int, before: str | None = None, search: Search = EVERYTHING) -> Sequence[SpellSummary]:
        """Newest spells that fit first; `before` is the last id of the page above."""
        ...


class ImageStore(Protocol):
    """Records of finished pictures and of uploads, as far as one tenant sees them; the bytes are in the blob store."""

    def of(self, tenant: str) -> Self:
        """The same records as far as `tenant` sees them."""
        ...

    def add(self, image: ImageRecord, attempt: int) -> JobEvent:
        """Store a finished picture and its event in one transaction.

        Raises:
            StaleAttempt: The job is no longer at this attempt, or the slot already has a picture.
        """
        ...

    def get(self, image_id: str) -> ImageRecord | None:
        """The record, or `None`."""
        ...

    def of_job(self, job_id: str) -> Sequence[ImageRecord]:
        """A job's pictures by slot."""
        ...

    def of_jobs(self, job_ids: Sequence[str]) -> Mapping[str, Sequence[ImageRecord]]:
        """The pictures of several jobs by slot; jobs without one are left out."""
        ...

    def page(self, limit: int, before: str | None = None, search: Search = EVERYTHING) -> Sequence[ImageRecord]:
        """Newest that fit first; `before` is the last id of the page above."""
        ...

    def add_upload(self, upload: Upload) -> None:
        """Store the record of an upload."""
        ...

    def upload(self, upload_id: str) -> Upload | None:
        """The record, or `None`."""
        ...

    def drop_uploads(self, before: datetime) -> int:
        """Forget uploads older than `before` whose job is over or never came to be; returns how many."""
        ...

    def blobs(self) -> frozenset[str]:
        """Every blob key that a record names; the sweeper keeps these."""
        ...
