"""Use case: a spell becomes a job. Everything open is decided here, once, and stored before the answer."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from prompts.hands.repair import HandRepair, check_hand_repair, with_hand_repair
from prompts.img2img import Img2Img, with_img2img
from prompts.limits import SEED, check_loras, check_spell
from prompts.resolve import resolve
from prompts.spell import Params, Spell
from prompts.upscale import Upscale, sizes, with_upscale
from service.backbone import Backbone, JobLimits, Workers
from service.bus.base import Moved, Progress
from service.catalogue import Catalogue
from service.errors import DatabaseUnavailable, DiskFull, Draining, NotFound, RequestInvalid
from service.hand_planning import HandPlanner
from service.interrogation import fingerprint
from service.jobs import ImageRecord, Job, JobEvent, JobKind, JobStatus
from service.library import Library, with_lifted_loras
from service.outbound import Outbound
from service.policy import Policy, Stamp
from service.product import PRODUCT, product_version
from service.sight import Sights
from service.sources import Img2ImgOrder, PictureRef, Sources, StoredSource, order_parts
from service.spell_json import ParamsModel, spell_to_json
from service.store.base import Idempotency

EVENTS_AT_ONCE = 200
RETRY_SECONDS = 1.0  # before a database that does not answer is asked again
PATIENCE_SECONDS = 60.0  # with a database that does not answer


@dataclass(frozen=True, slots=True)
class PictureOrder:
    """What somebody wants drawn: a stored spell, or one handed over."""

    spell: Spell | None = None
    spell_id: str | None = None
    version: int | None = None
    """`None` is the newest version."""
    count: int | None = None
    """Pictures; slot `i` gets `seed + i`. `None`: as many as the stored version's hand plan makes, else 1."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Names of `Params` fields and their values, for this job only."""
    img2img: Img2ImgOrder | None = None
    """The picture to draw over; `None` for txt2img."""
    webhook_url: str | None = None
    """Who is told when the job is over; `None` is the operator's own address, if there is one."""
    hand_repair: HandRepair | None = None
    """How the hands of every picture are painted again when they look wrong; `None`: as the stored version's hand
    plan says, and a spell that is handed over is not looked at."""
    leaves_hands: bool = False
    """Do not look at the hands, whatever was chosen for the stored version."""


class Generations:
    """Spell to pictures."""

    def __init__(
        self,
        backbone: Backbone,
        library: Library,
        catalogue: Catalogue,
        policy: Policy,
        workers: Workers,
        limits: JobLimits,
    ) -> None:
        self._backbone = backbone
        self._jobs = backbone.jobs
        self._bus = backbone.bus
        self._library = library
        self._catalogue = catalogue
        self._policy = policy
        self._workers = workers
        self._limits = limits
        self._planner = HandPlanner(catalogue)
        self.sources = Sources(backbone, limits)
        self.sights = Sights(backbone)

    async def submit(self, order: PictureOrder, key: str | Idempotency | None = None) -> Job:
        """Accept the order: on return the job is on the disk.

        Args:
            order: What to draw.
            key: Idempotency key: the same key with the same order gives the same job. With a promise of
                the caller's own, its fingerprint says what the same request is.

        Raises:
            NotFound: No such spell or version.
            RequestInvalid: Neither or both of `spell` and `spell_id`, a wrong count or override.
            PictureError, SpellOutOfRange, UnknownName: What is to be drawn over; see `Sources.stored`.
            PromptError, CheckpointNotFound, LoraNotFound, LoraIncompatible, ModelRefused: The spell.
            PolicyBlocked: The screen refuses it.
            TooManyJobs, DiskFull, Draining, IdempotencyReused, DatabaseUnavailable: See there.
        """
        promise = Idempotency(key, _fingerprint(order)) if isinstance(key, str) else key
        if promise is not None:
            known = await self.known(promise)
            if known is not None:
                return known
        self._check_open()
        self._check_webhook(order.webhook_url)
        wanted, order, count = await self._wanted(order)
        source = None if order.img2img is None else await self.sources.stored(order.img2img)
        resolved = await self.resolved(wanted, source)
        resolved = resolved.evolve(extra=with_hand_repair(resolved.extra, order.hand_repair))
        stamp = self._screened(resolved, order.hand_repair)
        job = Job(
            self._backbone.new_id(),
            JobKind.GENERATE,
            self._backbone.clock(),
            count=count,
            spell=resolved,
            img2img=None if source is None else source.settings,
            hand_repair=order.hand_repair,
            webhook_url=order.webhook_url,
            spell_id=order.spell_id,
            spell_version=order.version,
            policy_stamp=f"{stamp.policy_version}:{stamp.digest}",
            origin=self._backbone.owner,
        )
        return await self._accepted(job, promise)

    async def repair_hands(self, image: ImageRecord, repair: HandRepair, key: str | None = None) -> Job:
        """Accept a job that paints the hands of a finished picture again, as a new picture.

        Raises:
            SpellOutOfRange: A number of `repair` outside its range.
            PolicyBlocked: The screen refuses the picture's spell or the repair's prompt.
            TooManyJobs, DiskFull, Draining, IdempotencyReused, DatabaseUnavailable: See `submit`.
        """
        asked = json.dumps([image.id, asdict(repair)], sort_keys=True)
        promise = None if key is None else Idempotency(key, fingerprint("repair-hands", asked))
        self._check_open()
        spell = image.spell.evolve(extra=with_hand_repair(image.spell.extra, repair))
        stamp = self._screened(spell, repair)
        job = Job(
            self._backbone.new_id(),
            JobKind.REPAIR_HANDS,
            self._backbone.clock(),
            spell=spell,
            img2img=Img2Img(image.blob, repair.denoising_strength),
            hand_repair=repair,
            policy_stamp=f"{stamp.policy_version}:{stamp.digest}",
            origin=self._backbone.owner,
        )
        return await self._accepted(job, promise)

    async def upscale(self, ref: PictureRef, wanted: Upscale, key: str | None = None) -> Job:
        """Accept a job that makes a picture larger; the spell that the picture carries is kept.

        Args:
            ref: The picture.
            wanted: How; its `source` is filled in.
            key: Idempotency key.

        Raises:
            NotFound, RequestInvalid, PictureError: The picture; see `Sources.kept`.
            SpellOutOfRange: A number, or the size of the result.
            PolicyBlocked: The screen refuses the picture's spell.
            TooManyJobs, DiskFull, Draining, IdempotencyReused, DatabaseUnavailable: See `submit`.
        """
        self._check_open()
        blob, size, spell = await self.sources.kept(ref)
        wanted = replace(wanted, source=blob)
        sizes(wanted, size)
        promise = None if key is None else Idempotency(key, fingerprint("upscale", repr(wanted)))
        spell = spell.evolve(extra=with_upscale(spell.extra, wanted))
        stamp = self._policy.check(spell)
        job = Job(
            self._backbone.new_id(),
            JobKind.UPSCALE,
            self._backbone.clock(),
            spell=spell,
            upscale=wanted,
            policy_stamp=f"{stamp.policy_version}:{stamp.digest}",
            origin=self._backbone.owner,
        )
        return await self._accepted(job, promise)

    async def _accepted(self, job: Job, promise: Idempotency | None) -> Job:
        stored = await asyncio.to_thread(self._jobs.add, job, promise, self._limits.room(self._backbone.tenant))
        self._bus.publish(Moved.of(stored))
        self._workers.wake()
        return stored

    def _screened(self, spell: Spell, repair: HandRepair | None) -> Stamp:
        """The stamp of a spell whose every text the screen let pass, the repair's own prompt among them."""
        if repair is not None:
            check_hand_repair(repair)
            texts = spell.evolve(prompt=repair.prompt, negative_prompt=repair.negative_prompt)
            check_spell(texts)
            self._policy.check(texts)
        return self._policy.check(spell)

    async def known(self, promise: Idempotency) -> Job | None:
        """The job that was made under this key, or `None`.

        Raises:
            IdempotencyReused: The key belongs to another request.
        """
        return await asyncio.to_thread(self._jobs.by_key, promise)

    def turn(self, promise: Idempotency | None) -> AbstractAsyncContextManager[None]:
        """Holds up other calls under the same key while one stores what comes before its job."""
        return self._backbone.one_at_a_time.turn(promise and (self._backbone.tenant, promise.key))

    async def resolved(self, spell: Spell, source: StoredSource | None = None) -> Spell:
        """`spell` with nothing left open: names of things that are here, defaults filled, seed drawn.

        With a `source` it says in A1111's words how it is drawn over, and has the source's shape unless another
        was asked for; hires fix belongs to txt2img and is left out. Without one, such words are taken out.
        """
        lifted = with_lifted_loras(spell)
        check_loras(lifted.loras)  # before a file is hashed for each
        fitted = await self._catalogue.fit(lifted)
        defaults = fitted.checkpoint.profile.defaults
        wanted = fitted.spell
        if source is not None:
            width, height = source.fitted_size(wanted.params, defaults)
            wanted = wanted.evolve(width=width, height=height, hires=None)
        seed = secrets.randbelow(SEED[1] + 1)
        concrete = resolve(wanted, defaults, seed)
        extra = with_img2img(concrete.extra, None if source is None else source.settings)
        extra = tuple(pair for pair in extra if pair[0] != "Version")
        return concrete.evolve(extra=(*extra, ("Version", f"{PRODUCT} {product_version()}")))

    async def get(self, job_id: str) -> Job:
        """The job.

        Raises:
            NotFound: No such job.
        """
        job = await asyncio.to_thread(self._jobs.get, job_id)
        if job is None:
            raise NotFound
        return job

    async def page(self, limit: int, before: str | None = None) -> Sequence[Job]:
        """Newest first; `before` is the last id of the page above."""
        return await asyncio.to_thread(self._jobs.page, limit, before)

    async def ahead(self, job_id: str) -> int:
        """How many jobs wait in front of this one; 0 when it does not wait."""
        return await asyncio.to_thread(self._jobs.ahead, job_id)

    @property
    def is_draining(self) -> bool:
        """Whether the process is stopping and takes no new jobs."""
        return self._bus.is_closed

    def progress(self, job_id: str) -> Progress | None:
        """How far a running job is; `None` when nothing is known."""
        return self._bus.latest(job_id)

    async def images(self, job_id: str) -> Sequence[ImageRecord]:
        """The finished pictures by slot."""
        return await asyncio.to_thread(self._backbone.images.of_job, job_id)

    async def cancel(self, job_id: str) -> Job:
        """Ask a job to stop; finished ones stay as they are.

        Raises:
            NotFound: No such job.
        """
        job = await asyncio.to_thread(self._jobs.request_cancel, job_id)
        if job is None:
            raise NotFound
        self._bus.publish(Moved.of(job))
        self._workers.cancel(job_id)
        return job

    async def skip(self, job_id: str) -> int | None:
        """Pass over the picture of a job that is being drawn now: the first one unfinished; the job goes on.

        Returns:
            Its slot; `None` when nothing of this job is being drawn (it waits, is over, or is no generation).
        """
        slot = await asyncio.to_thread(self._jobs.skip, job_id)
        if slot is not None:
            self._bus.publish(Moved(job_id, JobStatus.RUNNING))
        return slot

    async def follow(
        self, job_id: str, after: int, silence_seconds: float
    ) -> AsyncIterator[JobEvent | Progress | None]:
        """Durable events with numbers above `after` as they come, live progress between them.

        `None` says that nothing happened for `silence_seconds`. Ends after the last event of a finished
        job, or when the process stops.

        Raises:
            NotFound: No such job.
            DatabaseUnavailable: For a minute; until then it counts as silence.
        """
        silent_since: float | None = None
        async with self._bus.subscribe(job_id) as subscription:
            while True:
                try:
                    job, events = await self.sights.news(job_id, after, EVENTS_AT_ONCE)
                except DatabaseUnavailable:
                    silent_since = silent_since or time.monotonic()
                    if self._bus.is_closed or time.monotonic() > silent_since + PATIENCE_SECONDS:
                        raise
                    yield None
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                silent_since = None
                for event in events:
                    after = event.number
                    yield event
                    if event.kind.is_final:  # the job was read before it: whatever is still on the bus comes too late
                        return
                if len(events) == EVENTS_AT_ONCE:
                    continue
                if self._bus.is_closed or (job.status.is_final and after >= job.last_event):
                    return
                message = await subscription.next(silence_seconds)
                while isinstance(message, Progress):
                    yield message
                    message = await subscription.next(silence_seconds)
                if message is None and not self._bus.is_closed:
                    yield None

    async def wait(self, job_id: str) -> Job:
        """The job once it is final, or as it is when the process stops.

        Raises:
            NotFound: No such job.
        """
        async for _ in self.follow(job_id, 0, 1.0):
            pass
        return await self.get(job_id)

    def _check_webhook(self, url: str | None) -> None:
        if url is None:
            return
        if self._limits.webhook_rules is None:
            raise RequestInvalid(
                "This server does not take addresses to call back. Follow the job's events, or ask the operator for "
                "webhooks_from_orders.",
                field="webhook_url",
            ).with_code("webhooks_disabled")
        Outbound(self._limits.webhook_rules).check(url)

    def _check_open(self) -> None:
        if self._bus.is_closed:
            raise Draining("The service is stopping. Try again in 10 s. Accepted jobs are safe.", retry_after=10)
        free = self._backbone.blobs.free_bytes()
        if free < self._limits.min_free_bytes:
            raise DiskFull(
                f"The disk is nearly full ({free // 2**20} MiB left). New jobs wait; running ones are kept.",
                got=free,
                limit=self._limits.min_free_bytes,
                retry_after=60,
            )

    async def _wanted(self, order: PictureOrder) -> tuple[Spell, PictureOrder, int]:
        """The spell to draw, the order with what the stored version says filled in, and how many pictures."""
        most = self._limits.images_per_job
        if order.count is not None and not 1 <= order.count <= most:
            raise RequestInvalid(
                f"count is {order.count}; it must be from 1 to {most}.", field="count", got=order.count, limit=[1, most]
            )
        if order.spell is not None and order.spell_id is None:
            return _overridden(order.spell, order.overrides), order, order.count or 1
        if order.spell_id is None or order.spell is not None:
            raise RequestInvalid("Send either spell or spell_id, one of them.", field="spell")
        version = await self._library.get(order.spell_id, order.version)
        plan = await self._planner.chosen_for(version)
        repair = plan.repair if plan is not None and order.img2img is None and not order.leaves_hands else None
        filled = replace(order, version=version.number, hand_repair=order.hand_repair or repair)
        seeds = 1 if plan is None or order.img2img is not None else min(plan.seeds, most)
        return _overridden(version.spell, order.overrides), filled, order.count or seeds


def _overridden(spell: Spell, overrides: Mapping[str, Any]) -> Spell:
    unknown = [name for name in overrides if name not in Params.__slots__]
    if unknown:
        raise RequestInvalid(f"overrides has no field {unknown[0]!r}.", field=f"overrides.{unknown[0]}")
    values = ParamsModel.model_validate(dict(overrides)).to_domain()
    return spell.evolve(**{name: getattr(values, name) for name in overrides}) if overrides else spell


def _fingerprint(order: PictureOrder) -> str:
    spell = None if order.spell is None else spell_to_json(order.spell)
    parts = [spell, order.spell_id, order.version, order.count, dict(order.overrides), *order_parts(order.img2img)]
    parts.append(order.webhook_url or "")
    parts += [] if order.hand_repair is None else [asdict(order.hand_repair)]
    parts += ["leaves hands"] if order.leaves_hands else []
    return fingerprint("generate", json.dumps(parts, sort_keys=True, default=str))
