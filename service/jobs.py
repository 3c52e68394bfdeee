"""A job: work that was accepted and will not be lost, its states, and its numbered events."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from prompts.hands.repair import HandRepair
from prompts.img2img import Img2Img
from prompts.spell import Spell
from prompts.upscale import Upscale
from service.auth.caller import LOCAL
from service.errors import IllegalTransition

VARIATION_SEED, VARIATION_STRENGTH = "Variation seed", "Variation seed strength"
"""The infotext keys of a variation; see `generator.sampling.noise_settings`."""


class JobKind(StrEnum):
    """What a job does."""

    GENERATE = "generate"
    """Draw `count` pictures of one resolved spell."""
    INTERROGATE = "interrogate"
    """Read a spell out of an uploaded photo."""
    REPAIR_HANDS = "repair_hands"
    """Paint the hands of a finished picture again."""
    UPSCALE = "upscale"
    """Make a picture larger without drawing it again."""


class JobStatus(StrEnum):
    """Where a job is; see `TRANSITIONS`."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    """Asked to stop; ends at the next step boundary."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing will change any more."""
        return not TRANSITIONS[self]


TRANSITIONS: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.CANCELLED, JobStatus.FAILED}),
    # Back to queued: the worker drained or died, another one goes on at the first missing picture.
    JobStatus.RUNNING: frozenset(
        {JobStatus.QUEUED, JobStatus.CANCELLING, JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED}
    ),
    # Done: the last picture was finished before the stop reached the engine.
    JobStatus.CANCELLING: frozenset({JobStatus.CANCELLED, JobStatus.DONE, JobStatus.FAILED}),
    JobStatus.DONE: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.CANCELLED: frozenset(),
}
"""Every move a job may make; states without a way out are final."""


def check_transition(now: JobStatus, to: JobStatus) -> None:
    """Raise `IllegalTransition` unless a job may go from `now` to `to`."""
    if to not in TRANSITIONS[now]:
        raise IllegalTransition(f"A job that is {now} cannot become {to}.", now=str(now), to=str(to))


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a job failed, in the shape every error has."""

    code: str
    detail: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """One accepted piece of work."""

    id: str
    kind: JobKind
    created_at: datetime
    """Aware UTC."""
    status: JobStatus = JobStatus.QUEUED
    count: int = 1
    """Pictures asked for; 1 for an interrogation."""
    spell: Spell | None = None
    """Resolved; slot `i` draws it with `seed + i`. `None` for an interrogation."""
    img2img: Img2Img | None = None
    """The picture every slot starts from; `None` for txt2img."""
    hand_repair: HandRepair | None = None
    """How the hands of every finished picture are looked at and painted again; `None`: they are not."""
    upscale: Upscale | None = None
    """How a picture is made larger; only for `JobKind.UPSCALE`."""
    spell_id: str | None = None
    """The spell this was made from, or that an interrogation made."""
    spell_version: int | None = None
    upload_id: str | None = None
    """The photo of an interrogation."""
    mode: str | None = None
    """The interrogation mode: `fast`, `classic`, `best` or `negative`."""
    policy_stamp: str | None = None
    """Proof that the spell passed the screen, `version:digest`; a worker draws nothing without it."""
    attempt: int = 0
    """How often a worker has claimed the job; fences off a worker that lost it."""
    crashes: int = 0
    """How many workers died holding it."""
    last_event: int = 0
    """Number of the newest event; 0 before the first."""
    result: dict[str, Any] | None = None
    """What an interrogation found; JSON-able."""
    problem: Problem | None = None
    """Why it failed; `None` unless `status` is failed."""
    origin: str = ""
    """The process that accepted the job."""
    webhook_url: str | None = None
    """Who is told when it is over; kept with the message, not with the job: a job that was read back has none."""
    tenant: str = LOCAL
    """Whose job it is; nobody else sees it."""
    updated_at: datetime | None = None

    def evolve(self, **changes: Any) -> Job:
        """A copy with fields changed."""
        return replace(self, **changes)

    def slot_spell(self, slot: int) -> Spell:
        """The spell of one picture: the job's, with `seed + slot` (wrapping at 2**32).

        With a variation all pictures keep the seed, and the variation seed is what rises: A1111's rule.

        Raises:
            ValueError: An interrogation, or a spell whose seed was not drawn.
        """
        if self.spell is None or self.spell.params.seed is None:
            raise ValueError("only a generation job has a spell with a seed")
        pairs = dict(self.spell.extra)
        variation = pairs.get(VARIATION_SEED, "")
        if variation.isdecimal() and pairs.get(VARIATION_STRENGTH, "0") != "0":
            pairs[VARIATION_SEED] = str((int(variation) + slot) % 2**32)
            extra = tuple((key, pairs[key] if key == VARIATION_SEED else value) for key, value in self.spell.extra)
            return self.spell.evolve(extra=extra)
        return self.spell.evolve(seed=(self.spell.params.seed + slot) % 2**32)


class EventKind(StrEnum):
    """What a durable event tells."""

    QUEUED = "queued"
    STARTED = "started"
    IMAGE = "image"
    SKIPPED = "skipped"
    """Somebody passed over the picture of a slot: it is not drawn, now or after a restart."""
    WAITING = "waiting"
    """Back in the queue; `reason` says why."""
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether no event follows."""
        return self in (EventKind.DONE, EventKind.FAILED, EventKind.CANCELLED)


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One durable fact about a job; numbers rise by one from 1 without gaps."""

    job_id: str
    number: int
    kind: EventKind
    data: dict[str, Any]
    """JSON-able."""
    at: datetime


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One finished picture: where its bytes are and the spell that made it."""

    id: str
    job_id: str
    slot: int
    """0..count-1; a job has at most one picture per slot."""
    blob: str
    """Key in the blob store."""
    sha256: str
    bytes: int
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    spell: Spell
    """Resolved, with this slot's seed: equal to what the file's infotext says."""
    created_at: datetime
    notes: tuple[str, ...] = ()
    """What the engine approximated or ignored."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A photo somebody sent, kept until its interrogation is over."""

    id: str
    blob: str
    sha256: str
    bytes: int
    created_at: datetime
