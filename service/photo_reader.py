"""Runs an interrogator on the engine's device, between the steps of pictures."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from PIL import Image

from prompts.errors import ClipModelMissing, InterrogationError
from prompts.interrogation import Describer, Description, Interrogation, Interrogator, MeasuredInterrogator, Wishes
from prompts.interrogation.files import ManyInterrogator
from prompts.interrogation.interrogator import WITHOUT_CAPTION
from prompts.interrogation.round_trip import RoundTrip, look_back
from prompts.picture_child import open_picture_apart
from prompts.spell import Spell
from service.engine.base import EngineClient

Report = Callable[[float, str], None]
"""Called on a worker thread with the finished share 0..1 and a word for the stage."""


class PhotoReader(Protocol):
    """Bytes of a photo to an interrogation."""

    async def read(
        self,
        data: bytes,
        mode: str,
        report: Report,
        wishes: Wishes | None = None,
        describer: Describer | None = None,
    ) -> Interrogation:
        """What the photo shows.

        Args:
            data: The file.
            mode: See `prompts.interrogation.MODES`.
            report: Told how far it is.
            wishes: Target, filters, length; `None` wants everything, as tags.
            describer: Asked for the caption first, without keeping the device busy.

        Raises:
            PictureError: The bytes are no acceptable picture.
            UnknownName: code `list_not_found`.
            InterrogationError: The models failed.
        """
        ...

    async def read_pictures(
        self, pictures: Sequence[Image.Image], mode: str, report: Report, wishes: Wishes, describer: Describer | None
    ) -> list[Interrogation]:
        """Several opened pictures, which share one ranking."""
        ...

    async def look_back(self, spell: Spell, photo: bytes, drawn: bytes, wishes: Wishes | None = None) -> RoundTrip:
        """Compare a photo with the picture that `spell` drew; see `prompts.interrogation.round_trip`.

        Raises:
            PictureError: One of the two is no acceptable picture.
            InterrogationError: The models failed.
        """
        ...


class DevicePhotoReader:
    """One interrogator, built on the engine's thread when the first photo comes.

    Args:
        engine: Lends its thread.
        build: Makes the interrogator there; `ClipModelMissing` means measurement has to do.
    """

    def __init__(self, engine: EngineClient, build: Callable[[], Interrogator]) -> None:
        self._engine = engine
        self._build = build
        self._interrogator: Interrogator | None = None  # touched on the engine's thread only

    async def read(
        self,
        data: bytes,
        mode: str,
        report: Report,
        wishes: Wishes | None = None,
        describer: Describer | None = None,
    ) -> Interrogation:
        """See `PhotoReader.read`; leaving early stops the work at its next report."""
        report(0.0, "loading")
        # In a child with limits, off the device: a hostile file can break neither the server nor its lane.
        picture = await asyncio.to_thread(open_picture_apart, data)
        return (await self.read_pictures([picture], mode, report, wishes or Wishes(), describer))[0]

    async def read_pictures(
        self, pictures: Sequence[Image.Image], mode: str, report: Report, wishes: Wishes, describer: Describer | None
    ) -> list[Interrogation]:
        """See `PhotoReader.read_pictures`; leaving early stops the work at its next report."""
        given_up = threading.Event()

        def guarded(share: float, stage: str) -> None:
            if given_up.is_set():
                raise InterrogationError("The interrogation was cancelled.")
            report(share, stage)

        descriptions = await self._described(pictures, mode, report, describer)

        def work() -> list[Interrogation]:
            guarded(0.0, "reading")
            return _interrogated(self._ready(), pictures, mode, guarded, wishes, descriptions)

        try:
            return await self._engine.run_on_device(work)
        finally:
            given_up.set()

    async def look_back(self, spell: Spell, photo: bytes, drawn: bytes, wishes: Wishes | None = None) -> RoundTrip:
        """See `PhotoReader.look_back`."""
        reference, made = await asyncio.gather(
            asyncio.to_thread(open_picture_apart, photo), asyncio.to_thread(open_picture_apart, drawn)
        )
        return await self._engine.run_on_device(lambda: look_back(spell, reference, made, self._ready(), wishes))

    async def _described(
        self, pictures: Sequence[Image.Image], mode: str, report: Report, describer: Describer | None
    ) -> list[Description] | None:
        if describer is None or mode in WITHOUT_CAPTION:
            return None
        report(0.0, "describing")
        return list(await asyncio.gather(*(describer.describe(picture) for picture in pictures)))

    def _ready(self) -> Interrogator:
        if self._interrogator is None:
            try:
                self._interrogator = self._build()
            except ClipModelMissing as missing:
                return MeasuredInterrogator(notice=missing.detail)
        return self._interrogator


def _interrogated(
    interrogator: Interrogator,
    pictures: Sequence[Image.Image],
    mode: str,
    report: Report,
    wishes: Wishes,
    descriptions: list[Description] | None,
) -> list[Interrogation]:
    if isinstance(interrogator, ManyInterrogator):
        return interrogator.interrogate_many(pictures, mode, report, wishes, descriptions)
    told: Sequence[Description | None] = descriptions or [None] * len(pictures)
    return [interrogator.interrogate(p, mode, report, wishes, d) for p, d in zip(pictures, told, strict=True)]
