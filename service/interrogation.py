"""Use case: a photo comes in; the spell it carries is the answer at once, or a job measures it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from typing import Any

from prompts.interrogation import Wishes, check_lists, mode_named
from prompts.spell import Spell
from service.backbone import Backbone, JobLimits, Workers
from service.blobs.base import Blob
from service.bus.base import Moved
from service.jobs import Job, JobKind, JobStatus, Upload
from service.library import Library
from service.photo_spells import keep_exact
from service.pictures_in import examine, private_copy, suffix_of
from service.store.base import Idempotency

ASKED = "asked"
"""Key of a job's `result` under which the wishes of an interrogation lie, from its queueing on."""

ListNames = Callable[[], tuple[str, ...]]
"""The term lists that are here; reads files."""


class Interrogations:
    """Photo to spell."""

    def __init__(
        self, backbone: Backbone, library: Library, workers: Workers, limits: JobLimits, list_names: ListNames
    ) -> None:
        self._backbone = backbone
        self._jobs = backbone.jobs
        self._library = library
        self._workers = workers
        self._limits = limits
        self._list_names = list_names

    async def start(self, data: bytes, mode: str = "fast", key: str | None = None, wishes: Wishes | None = None) -> Job:
        """A finished job when the picture carries its spell, else a queued one.

        Args:
            data: The file as it was sent.
            mode: See `prompts.interrogation.MODES`; ignored when the picture carries its spell.
            key: Idempotency key.
            wishes: Target, filters, length; ignored when the picture carries its spell.

        Raises:
            PictureError, MetadataError: The file is not acceptable.
            UnknownName: code `mode_not_found` or `list_not_found`.
            InterrogationError: Lists are asked for, and the operator's folder of them cannot be read.
            TooManyJobs, IdempotencyReused, DiskFull, DatabaseUnavailable: See there.
        """
        canonical = mode_named(mode)
        wishes = wishes or Wishes()
        await known_lists(wishes, self._list_names)
        spell = await asyncio.to_thread(examine, data, self._limits.upload_bytes)
        asked = wishes.to_json()
        promise = None
        if key is not None:
            promise = Idempotency(key, fingerprint("interrogate", canonical, json.dumps(asked), data))
        if promise is not None:
            known = await asyncio.to_thread(self._jobs.by_key, promise)
            if known is not None:
                return known
        if spell is not None:
            return await self._exact(spell, canonical, promise)
        # It carries no spell; what else it tells (place, camera, person) is nobody's business here.
        plain = await asyncio.to_thread(private_copy, data)
        blob = await asyncio.to_thread(self._backbone.blobs.put, "uploads", plain, suffix_of(plain))
        return await self._queue(blob, self._job(canonical, JobStatus.QUEUED).evolve(result={ASKED: asked}), promise)

    async def _exact(self, spell: Spell, mode: str, promise: Idempotency | None) -> Job:
        version = await keep_exact(spell, self._library)
        result: dict[str, Any] = {"source": "metadata", "interrogation": None}
        job = self._job(mode, JobStatus.DONE).evolve(
            result=result, spell_id=version.spell_id, spell_version=version.number
        )
        return await asyncio.to_thread(self._jobs.add, job, promise)

    async def _queue(self, blob: Blob, job: Job, promise: Idempotency | None) -> Job:
        upload = Upload(self._backbone.new_id(), blob.key, blob.sha256, blob.bytes, self._backbone.clock())
        await asyncio.to_thread(self._backbone.images.add_upload, upload)
        job = job.evolve(upload_id=upload.id)
        room = self._limits.room(self._backbone.tenant)
        stored = await asyncio.to_thread(self._jobs.add, job, promise, room)
        self._backbone.bus.publish(Moved.of(stored))
        self._workers.wake()
        return stored

    def _job(self, mode: str, status: JobStatus) -> Job:
        return Job(
            self._backbone.new_id(),
            JobKind.INTERROGATE,
            self._backbone.clock(),
            status=status,
            mode=mode,
            origin=self._backbone.owner,
        )


async def known_lists(wishes: Wishes, list_names: ListNames) -> None:
    """Raise unless every list that `wishes` name is here; nothing is read when they name none.

    Raises:
        UnknownName: code `list_not_found`.
        InterrogationError: The operator's folder of lists cannot be read.
    """
    if wishes.rules.lists:
        check_lists(wishes.rules.lists, await asyncio.to_thread(list_names))


def fingerprint(*parts: str | bytes) -> str:
    """What makes two requests the same request: SHA-256 over the parts with their lengths."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
