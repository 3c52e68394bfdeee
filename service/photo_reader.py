"""Runs an interrogator on the engine's device, between the steps of pictures."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Protocol

from prompts.errors import ClipModelMissing, InterrogationError
from prompts.interrogation import Interrogation, Interrogator, MeasuredInterrogator
from prompts.picture_child import open_picture_apart
from service.engine.base import EngineClient

Report = Callable[[float, str], None]
"""Called on a worker thread with the finished share 0..1 and a word for the stage."""


class PhotoReader(Protocol):
    """Bytes of a photo to an interrogation."""

    async def read(self, data: bytes, mode: str, report: Report) -> Interrogation:
        """What the photo shows.

        Raises:
            PictureError: The bytes are no acceptable picture.
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

    async def read(self, data: bytes, mode: str, report: Report) -> Interrogation:
        """See `PhotoReader.read`; leaving early stops the work at its next report."""
        given_up = threading.Event()

        def guarded(share: float, stage: str) -> None:
            if given_up.is_set():
                raise InterrogationError("The interrogation was cancelled.")
            report(share, stage)

        report(0.0, "loading")
        # In a child with limits, off the device: a hostile file can break neither the server nor its lane.
        picture = await asyncio.to_thread(open_picture_apart, data)

        def work() -> Interrogation:
            guarded(0.0, "reading")
            return self._ready().interrogate(picture, mode, guarded)

        try:
            return await self._engine.run_on_device(work)
        finally:
            given_up.set()

    def _ready(self) -> Interrogator:
        if self._interrogator is None:
            try:
                self._interrogator = self._build()
            except ClipModelMissing as missing:
                return MeasuredInterrogator(notice=missing.detail)
        return self._interrogator
