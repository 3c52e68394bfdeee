"""Stores a finished picture: the marked file first, then its record and event in one transaction."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from generator.events import Picture
from prompts.metadata import format_infotext, png_with_infotext
from prompts.spell import Spell
from service.backbone import Backbone
from service.blobs.base import Blob
from service.bus.base import Moved
from service.jobs import ImageRecord, Job, JobStatus
from service.policy import PolicyBlocked, Stamp
from service.policy.pictures import check_picture
from service.provenance.marks import Mark, with_mark


@dataclass(frozen=True, slots=True)
class FinishedPicture:
    """What is kept of one slot."""

    slot: int
    spell: Spell
    picture: Picture
    notes: tuple[str, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class PictureKeeper:
    """The one way a picture gets into the store."""

    backbone: Backbone

    async def keep(self, job: Job, finished: FinishedPicture) -> None:
        """Store the picture of a slot, once the operator's classifier has let it pass.

        Raises:
            PolicyBlocked: It did not.
            StaleAttempt: The job is no longer at this attempt, or the slot already has a picture.
            DiskFull, DatabaseUnavailable: It could not be stored.
        """
        check = self.backbone.picture_check
        if check is not None:
            await asyncio.to_thread(check_picture, check, finished.picture, finished.spell)
        blob = await asyncio.to_thread(_encode_and_put, self.backbone, finished)
        record = ImageRecord(
            id=self.backbone.new_id(),
            job_id=job.id,
            slot=finished.slot,
            blob=blob.key,
            sha256=blob.sha256,
            bytes=blob.bytes,
            width=finished.picture.width,
            height=finished.picture.height,
            spell=finished.spell,
            created_at=self.backbone.clock(),
            notes=finished.notes,
        )
        await asyncio.to_thread(self.backbone.images.add, record, job.attempt)
        self.backbone.bus.publish(Moved(job.id, JobStatus.RUNNING))


def stamped_spell(job: Job) -> Spell:
    """The job's spell, when it carries proof that the screen let it pass.

    Raises:
        PolicyBlocked: It carries none for the rules in force.
    """
    version, _, digest = (job.policy_stamp or "").partition(":")
    if job.spell is None or not Stamp(version, digest).fits(job.spell):
        raise PolicyBlocked("This job was not screened by the rules in force. Submit it again.", category="unscreened")
    return job.spell


def _encode_and_put(backbone: Backbone, finished: FinishedPicture) -> Blob:
    picture = finished.picture
    data = png_with_infotext(picture.width, picture.height, picture.rgb, format_infotext(finished.spell))
    # The signature binds the bytes, so it comes last.
    sealed = backbone.seal.sealed(with_mark(data, finished.mark), finished.mark)
    return backbone.blobs.put("images", sealed, "png")
