"""Reads a spell out of an uploaded photo and stores it as version 1."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from prompts.interrogation import wishes_from_json
from service.backbone import Backbone
from service.bus.base import Progress
from service.describers import Describers
from service.errors import BlobMissing
from service.hand_planning import HandPlanner
from service.interrogation import ASKED
from service.jobs import EventKind, Job, JobStatus
from service.library import Library
from service.photo_reader import PhotoReader
from service.photo_spells import keep_found
from service.policy import Policy
from service.store.base import Move


@dataclass(frozen=True, slots=True)
class InterrogationJobs:
    """The handler of `JobKind.INTERROGATE`."""

    backbone: Backbone
    policy: Policy
    reader: PhotoReader
    planner: HandPlanner
    describers: Describers

    async def run(self, job: Job) -> Move:
        """Interrogate the upload and store what it supports as a spell.

        Raises:
            BlobMissing: The upload is gone.
            PictureError, InterrogationError: The photo cannot be read.
            PolicyBlocked: What it shows may not be made.
        """
        upload = None
        if job.upload_id is not None:
            upload = await asyncio.to_thread(self.backbone.images.upload, job.upload_id)
        if upload is None:
            raise BlobMissing("The photo of this interrogation is gone. Send it again.")
        data = await asyncio.to_thread(self.backbone.blobs.read, upload.blob)
        loop = asyncio.get_running_loop()

        def report(share: float, stage: str) -> None:
            progress = Progress(job.id, round(100 * share), 100, stage)
            loop.call_soon_threadsafe(self.backbone.bus.publish, progress)

        asked = (job.result or {}).get(ASKED) or {}
        describer = self.describers.of(job.tenant)
        found = await self.reader.read(data, job.mode or "fast", report, wishes_from_json(asked), describer)
        version = await keep_found(found, Library(self.backbone.of(job.tenant), self.policy), self.planner)
        return Move(
            JobStatus.DONE,
            EventKind.DONE,
            {"spell_id": version.spell_id, "version": version.number},
            result={"source": found.model, "interrogation": found.to_json(), ASKED: asked},
            spell_id=version.spell_id,
            spell_version=version.number,
        )
