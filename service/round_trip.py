"""Use case: a photo becomes a spell, the spell a picture, and both pictures an edit of the spell, in one call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from prompts.expansion.diff import SpellDiff, diff
from prompts.interrogation import Wishes
from prompts.interrogation.round_trip import RoundTrip
from service.errors import RequestInvalid
from service.gallery import Gallery
from service.generation import Generations, PictureOrder
from service.interrogation import Interrogations
from service.jobs import ImageRecord, Job, JobStatus
from service.library import Library
from service.photo_reader import PhotoReader
from service.spells import Author, SpellVersion


class Stage(StrEnum):
    """How far a round trip came."""

    READING = "reading"
    """The interrogation is not over."""
    DRAWING = "drawing"
    """The picture is not finished."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class RoundTripOrder:
    """What is asked of one round trip."""

    mode: str = "fast"
    wishes: Wishes = field(default_factory=Wishes)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Names of `Params` fields and their values, for the drawn picture."""
    is_applied: bool = False
    """Store the proposed spell as the next version."""


@dataclass(frozen=True, slots=True)
class RoundTripState:
    """A round trip as far as it came; what comes later is `None`."""

    stage: Stage
    reading: Job
    version: SpellVersion | None = None
    """What the photo was read as."""
    drawing: Job | None = None
    image: ImageRecord | None = None
    found: RoundTrip | None = None
    applied: SpellVersion | None = None
    """The version with the proposals, where they were to be applied and there were any."""

    @property
    def difference(self) -> SpellDiff | None:
        """What the proposals change."""
        return None if self.found is None else diff(self.found.spell, self.found.proposed)


class RoundTrips:
    """Photo to spell to picture, and back."""

    def __init__(
        self,
        interrogations: Interrogations,
        generations: Generations,
        library: Library,
        gallery: Gallery,
        reader: PhotoReader,
    ) -> None:
        self._interrogations = interrogations
        self._generations = generations
        self._library = library
        self._gallery = gallery
        self._reader = reader

    async def run(
        self, photo: bytes, order: RoundTripOrder, key: str | None = None, patience_seconds: float | None = None
    ) -> RoundTripState:
        """The whole way. Reading and drawing are jobs like any other: stored, shown, cancelled like them.

        Args:
            photo: The file as it was sent.
            order: What is asked.
            key: Idempotency key: the same call again goes on with the same two jobs.
            patience_seconds: After this long the answer is how far it came; `None` waits for the end.

        Raises:
            PictureError, MetadataError, UnknownName: The photo or the order.
            RequestInvalid: A job failed or was cancelled; carries its code.
            SpellwrightError: Whatever `Interrogations.start` and `Generations.submit` raise.
        """
        deadline = None if patience_seconds is None else asyncio.get_running_loop().time() + patience_seconds
        reading = await self._interrogations.start(photo, order.mode, _part(key, "photo"), order.wishes)
        reading = await self._ended(reading, deadline)
        if not reading.status.is_final:
            return RoundTripState(Stage.READING, reading)
        version = await self._library.get(_succeeded(reading).spell_id or "", reading.spell_version)
        wanted = PictureOrder(spell_id=version.spell_id, version=version.number, overrides=order.overrides)
        drawing = await self._generations.submit(wanted, _part(key, "picture"))
        drawing = await self._ended(drawing, deadline)
        if not drawing.status.is_final:
            return RoundTripState(Stage.DRAWING, reading, version, drawing)
        image = (await self._generations.images(_succeeded(drawing).id))[0]
        drawn = await self._gallery.read(image)
        found = await self._reader.look_back(version.spell, photo, drawn, order.wishes)
        applied = await self._applied(version, found) if order.is_applied else None
        return RoundTripState(Stage.DONE, reading, version, drawing, image, found, applied)

    async def _applied(self, version: SpellVersion, found: RoundTrip) -> SpellVersion | None:
        if not found.proposals:
            return None
        return await self._library.edit(
            version.spell_id,
            found.proposed,
            version.number,
            note="What the drawn picture lacked beside the photo.",
            author=Author.PHOTO,
            details={"round_trip": found.to_json()},
        )

    async def _ended(self, job: Job, deadline: float | None) -> Job:
        """The job at its end, or as it stands at the deadline."""
        try:
            async with asyncio.timeout_at(deadline):
                return await self._generations.wait(job.id)
        except TimeoutError:
            return await self._generations.get(job.id)


def _part(key: str | None, part: str) -> str | None:
    return None if key is None else f"round-trip-{part}:{key}"[:255]


def _succeeded(job: Job) -> Job:
    if job.status is JobStatus.DONE:
        return job
    if job.problem is None:
        raise RequestInvalid("The job of this round trip was cancelled.").with_code("job_cancelled")
    raise RequestInvalid(job.problem.detail, **job.problem.facts).with_code(job.problem.code)
