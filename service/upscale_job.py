"""Makes a picture larger; the result is a new picture."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from generator.enlarging import Enlarger
from service.backbone import Backbone
from service.errors import BlobMissing
from service.jobs import EventKind, Job, JobStatus
from service.picture_keeper import FinishedPicture, PictureKeeper, stamped_spell
from service.provenance.marks import Mark, mark_of
from service.source_pixels import read_pixels
from service.store.base import Move


@dataclass(frozen=True, slots=True)
class UpscaleJobs:
    """The handler of `JobKind.UPSCALE`. Runs beside the engine's thread, one picture at a time."""

    backbone: Backbone
    enlarger: Enlarger
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, job: Job) -> Move:
        """Enlarge the job's source and keep the result.

        Raises:
            BlobMissing: The picture's file is gone.
            UnsupportedSpell, ModelRefused: The upscaler.
        """
        spell = stamped_spell(job)
        if job.upscale is None:
            raise BlobMissing("The picture of this job is gone. Submit it again.")
        if not await asyncio.to_thread(self.backbone.images.of_job, job.id):
            picture = await asyncio.to_thread(read_pixels, self.backbone.blobs, job.upscale.source)
            mark = mark_of(await asyncio.to_thread(self.backbone.blobs.read, job.upscale.source)) or Mark.COMPOSITE
            async with self.turn:
                large = await asyncio.to_thread(self.enlarger.enlarge, picture, job.upscale)
            await PictureKeeper(self.backbone).keep(job, FinishedPicture(0, spell, large, (), mark))
        return Move(JobStatus.DONE, EventKind.DONE, {"images": 1})
