"""Draws the missing pictures of a generation job and stores each as it is finished."""

from __future__ import annotations

import asyncio
import base64
import io
import time
from contextlib import suppress
from dataclasses import dataclass

from PIL import Image

from generator.errors import GeneratorError
from generator.events import Cancelled, Failed, ImageReady, Picture, PreviewReady
from generator.request import GenerationRequest, SourcePicture
from prompts.img2img import Img2Img
from service.backbone import Backbone
from service.blobs.base import BlobStore
from service.bus.base import Progress
from service.engine.base import EngineClient
from service.errors import DatabaseUnavailable, DiskFull, SlotSkipped
from service.hand_repair import HandRepairs
from service.jobs import EventKind, Job, JobStatus
from service.picture_keeper import FinishedPicture, PictureKeeper, stamped_spell
from service.progress import Meter
from service.provenance.marks import Mark
from service.source_pixels import read_pixels
from service.store.base import Move

PREVIEW_EVERY = 4  # UNet calls
MAX_CONCURRENT_IMAGES = 16  # of one job inside the engine
SKIP_LOOK_SECONDS = 5.0  # between two looks for pictures that nobody announced as passed over


class EngineStopped(GeneratorError):
    """The engine dropped the picture although nobody cancelled the job: the process is stopping."""

    code = "engine_stopped"


@dataclass(frozen=True, slots=True)
class _Batch:
    """What the pictures of one run of a job share."""

    job: Job
    source: SourcePicture | None
    meter: Meter
    room: asyncio.Semaphore
    skipped: set[int]
    """Slots that somebody passed over, as far as is known here."""


@dataclass(frozen=True, slots=True)
class ImageJobs:
    """The handler of `JobKind.GENERATE`."""

    backbone: Backbone
    engine: EngineClient
    repairs: HandRepairs

    async def run(self, job: Job) -> Move:
        """Draw every slot that has no picture yet; finished ones are kept whatever happens.

        Raises:
            SpellwrightError: The first picture that could not be made; the others are dropped.
            asyncio.CancelledError: Somebody cancelled the job or the process is stopping.
        """
        spell = stamped_spell(job)
        finished = {image.slot for image in await asyncio.to_thread(self.backbone.images.of_job, job.id)}
        skipped = set(await asyncio.to_thread(self.backbone.jobs.skipped, job.id))
        missing = [slot for slot in range(job.count) if slot not in finished | skipped]
        source = None if job.img2img is None else await asyncio.to_thread(_source, self.backbone.blobs, job.img2img)
        meter = Meter(job.id, spell, len(finished) + len(missing), len(finished))
        self.backbone.bus.publish(meter.progress(time.monotonic()))
        room = asyncio.Semaphore(MAX_CONCURRENT_IMAGES)
        batch = _Batch(job, source, meter, room, skipped)
        tasks = [asyncio.create_task(self._drawn(batch, slot)) for slot in missing]
        heeding = asyncio.create_task(self._heed_skips(batch))
        try:
            for finishing in asyncio.as_completed(tasks):
                await finishing
        finally:
            for task in (heeding, *tasks):
                task.cancel()
            await asyncio.gather(heeding, *tasks, return_exceptions=True)
        return Move(JobStatus.DONE, EventKind.DONE, {"images": job.count - len(skipped)})

    async def _heed_skips(self, batch: _Batch) -> None:
        """Stop drawing what somebody passes over, in this process or another; the store has it already."""
        job_id = batch.job.id
        async with self.backbone.bus.subscribe(job_id) as news:
            while not self.backbone.bus.is_closed:
                if isinstance(await news.next(SKIP_LOOK_SECONDS), Progress):
                    continue
                with suppress(DatabaseUnavailable, DiskFull):  # then the store refuses the picture at its end
                    for slot in await asyncio.to_thread(self.backbone.jobs.skipped, job_id) - batch.skipped:
                        batch.skipped.add(slot)
                        self.engine.cancel(f"{job_id}/{slot}")

    async def _drawn(self, batch: _Batch, slot: int) -> None:
        """Draw a slot, unless somebody passes over it."""
        async with batch.room:
            try:
                if slot not in batch.skipped:
                    await self._draw(batch, slot)
            except (EngineStopped, SlotSkipped):
                # The engine's word may be here before the store was asked who gave it.
                batch.skipped.update(await asyncio.to_thread(self.backbone.jobs.skipped, batch.job.id))
                if slot not in batch.skipped:
                    raise
            if slot in batch.skipped:
                batch.meter.pass_over(f"{batch.job.id}/{slot}")
                self._tell(batch.job, batch.meter, is_image=True)

    async def _draw(self, batch: _Batch, slot: int) -> None:
        job, meter = batch.job, batch.meter
        spell = job.slot_spell(slot)
        # A preview would show what the classifier has not seen yet.
        preview_every = PREVIEW_EVERY if self.backbone.picture_check is None else 0
        request = GenerationRequest(f"{job.id}/{slot}", spell, preview_every, batch.source, tenant=job.tenant)
        events = self.engine.submit(request)
        try:
            async for event in events:
                match event:
                    case Failed(error=error):
                        raise error
                    case Cancelled():
                        raise EngineStopped("The engine stopped before the picture was finished.")
                    case PreviewReady(picture=picture):
                        meter.show(await asyncio.to_thread(_data_url, picture))
                    case ImageReady(picture=picture, notes=notes):
                        await self._finish(job, slot, request, picture, notes)
                meter.take(event, time.monotonic())
                self._tell(job, meter, is_image=isinstance(event, ImageReady))
        finally:
            await events.aclose()

    async def _finish(
        self, job: Job, slot: int, request: GenerationRequest, picture: Picture, notes: tuple[str, ...]
    ) -> None:
        if job.hand_repair is not None:
            mended = await self.repairs.mend(request, picture, job.hand_repair)
            picture, notes = mended.picture, (*notes, *mended.notes)
        mark = Mark.GENERATED if job.img2img is None else Mark.COMPOSITE
        await PictureKeeper(self.backbone).keep(job, FinishedPicture(slot, request.spell, picture, notes, mark))

    def _tell(self, job: Job, meter: Meter, *, is_image: bool) -> None:
        now = time.monotonic()
        progress = meter.progress(now) if is_image else meter.tick(now)
        if progress is not None:
            self.backbone.bus.publish(progress)


def _source(blobs: BlobStore, img2img: Img2Img) -> SourcePicture:
    """The pixels to draw over; the same objects for all pictures of the job.

    Raises:
        BlobMissing: A file is gone or damaged.
        PictureError: It is no picture any more.
    """
    mask = None if img2img.inpaint is None else read_pixels(blobs, img2img.inpaint.mask)
    return SourcePicture(img2img, read_pixels(blobs, img2img.source), mask)


def _data_url(picture: Picture) -> str:
    encoded = io.BytesIO()
    Image.frombytes("RGB", (picture.width, picture.height), picture.rgb).save(encoded, "PNG")
    return "data:image/png;base64," + base64.b64encode(encoded.getvalue()).decode("ascii")
