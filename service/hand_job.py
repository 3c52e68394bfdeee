"""Paints the hands of a finished picture again; the result is a new picture beside the old one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from generator.request import GenerationRequest
from prompts.hands.repair import HandRepair
from service.backbone import Backbone
from service.errors import BlobMissing
from service.hand_repair import HandRepairs
from service.jobs import EventKind, Job, JobStatus
from service.picture_keeper import FinishedPicture, PictureKeeper, stamped_spell
from service.provenance.marks import Mark, mark_of
from service.source_pixels import read_pixels
from service.store.base import Move


@dataclass(frozen=True, slots=True)
class HandJobs:
    """The handler of `JobKind.REPAIR_HANDS`."""

    backbone: Backbone
    repairs: HandRepairs

    async def run(self, job: Job) -> Move:
        """Repair the hands of the job's source and keep the result, also when nothing had to be done.

        Raises:
            BlobMissing: The picture's file is gone.
            SpellwrightError: The engine could not paint.
        """
        spell = stamped_spell(job)
        if job.img2img is None:
            raise BlobMissing("The picture of this job is gone. Submit it again.")
        if not await asyncio.to_thread(self.backbone.images.of_job, job.id):
            picture = await asyncio.to_thread(read_pixels, self.backbone.blobs, job.img2img.source)
            mark = mark_of(await asyncio.to_thread(self.backbone.blobs.read, job.img2img.source)) or Mark.COMPOSITE
            request = GenerationRequest(f"{job.id}/0", spell, tenant=job.tenant)
            mended = await self.repairs.mend(request, picture, job.hand_repair or HandRepair())
            finished = FinishedPicture(0, spell, mended.picture, mended.notes, mark)
            await PictureKeeper(self.backbone).keep(job, finished)
        return Move(JobStatus.DONE, EventKind.DONE, {"images": 1})
