"""Draws the missing pictures of a generation job and stores each as it is finished."""

from __future__ import annotations

import asyncio
import base64
import io
import time
from dataclasses import dataclass

from PIL import Image

from generator.errors import GeneratorError
from generator.events import Cancelled, Failed, ImageReady, Picture, PreviewReady
from generator.request import GenerationRequest, SourcePicture
from prompts.img2img import Img2Img
from prompts.metadata import format_infotext, png_with_infotext
from prompts.pictures import open_picture
from prompts.spell import Spell
from service.backbone import Backbone
from service.blobs.base import Blob, BlobStore
from service.bus.base import Moved
from service.engine.base import EngineClient
from service.jobs import EventKind, ImageRecord, Job, JobStatus
from service.policy import PolicyBlocked, Stamp
from service.progress import Meter
from service.provenance.marks import Mark, with_mark
from service.store.base import Move

PREVIEW_EVERY = 4  # UNet calls
MAX_CONCURRENT_IMAGES = 16  # of one job inside the engine


class EngineStopped(GeneratorError):
    """The engine dropped the picture although nobody cancelled the job: the process is stopping."""

    code = "engine_stopped"


@dataclass(frozen=True, slots=True)
class ImageJobs:
    """The handler of `JobKind.GENERATE`."""

    backbone: Backbone
    engine: EngineClient

    async def run(self, job: Job) -> Move:
        """Draw every slot that has no picture yet; finished ones are kept whatever happens.

        Raises:
            SpellwrightError: The first picture that could not be made; the others are dropped.
            asyncio.CancelledError: Somebody cancelled the job or the process is stopping.
        """
        spell = _stamped_spell(job)
        finished = {image.slot for image in await asyncio.to_thread(self.backbone.images.of_job, job.id)}
        missing = [slot for slot in range(job.count) if slot not in finished]
        source = None if job.img2img is None else await asyncio.to_thread(_source, self.backbone.blobs, job.img2img)
        meter = Meter(job.id, spell, job.count, len(finished))
        self.backbone.bus.publish(meter.progress(time.monotonic()))
        room = asyncio.Semaphore(MAX_CONCURRENT_IMAGES)
        tasks = [asyncio.create_task(self._draw(job, slot, source, meter, room)) for slot in missing]
        try:
            for finishing in asyncio.as_completed(tasks):
                await finishing
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return Move(JobStatus.DONE, EventKind.DONE, {"images": job.count})

    async def _draw(
        self, job: Job, slot: int, source: SourcePicture | None, meter: Meter, room: asyncio.Semaphore
    ) -> None:
        spell = job.slot_spell(slot)
        request = GenerationRequest(f"{job.id}/{slot}", spell, PREVIEW_EVERY, source)
        async with room:
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
                            await self._keep(job, slot, spell, picture, notes)
                    meter.take(event, time.monotonic())
                    self._tell(job, meter, is_image=isinstance(event, ImageReady))
            finally:
                await events.aclose()

    async def _keep(self, job: Job, slot: int, spell: Spell, picture: Picture, notes: tuple[str, ...]) -> None:
        mark = Mark.GENERATED if job.img2img is None else Mark.COMPOSITE
        blob = await asyncio.to_thread(_encode_and_put, self.backbone.blobs, picture, spell, mark)
        record = ImageRecord(
            id=self.backbone.new_id(),
            job_id=job.id,
            slot=slot,
            blob=blob.key,
            sha256=blob.sha256,
            bytes=blob.bytes,
            width=picture.width,
            height=picture.height,
            spell=spell,
            created_at=self.backbone.clock(),
            notes=notes,
        )
        await asyncio.to_thread(self.backbone.images.add, record, job.attempt)
        self.backbone.bus.publish(Moved(job.id, JobStatus.RUNNING))

    def _tell(self, job: Job, meter: Meter, *, is_image: bool) -> None:
        now = time.monotonic()
        progress = meter.progress(now) if is_image else meter.tick(now)
        if progress is not None:
            self.backbone.bus.publish(progress)


def _stamped_spell(job: Job) -> Spell:
    """The job's spell, when it carries proof that the screen let it pass."""
    version, _, digest = (job.policy_stamp or "").partition(":")
    if job.spell is None or not Stamp(version, digest).fits(job.spell):
        raise PolicyBlocked("This job was not screened by the rules in force. Submit it again.", category="unscreened")
    return job.spell


def _source(blobs: BlobStore, img2img: Img2Img) -> SourcePicture:
    """The pixels to draw over; the same objects for all pictures of the job.

    Raises:
        BlobMissing: A file is gone or damaged.
        PictureError: It is no picture any more.
    """
    mask = None if img2img.inpaint is None else _pixels(blobs, img2img.inpaint.mask)
    return SourcePicture(img2img, _pixels(blobs, img2img.source), mask)


def _pixels(blobs: BlobStore, key: str) -> Picture:
    image = open_picture(blobs.read(key))
    return Picture(image.width, image.height, image.tobytes())


def _encode_and_put(blobs: BlobStore, picture: Picture, spell: Spell, mark: Mark) -> Blob:
    data = png_with_infotext(picture.width, picture.height, picture.rgb, format_infotext(spell))
    return blobs.put("images", with_mark(data, mark), "png")


def _data_url(picture: Picture) -> str:
    encoded = io.BytesIO()
    Image.frombytes("RGB", (picture.width, picture.height), picture.rgb).save(encoded, "PNG")
    return "data:image/png;base64," + base64.b64encode(encoded.getvalue()).decode("ascii")
