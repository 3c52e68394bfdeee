"""Looks at the hands of a finished picture and has the doubtful ones painted again, keeping what is better."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from generator.errors import GeneratorError, ModelMissing
from generator.events import Cancelled, Failed, ImageReady, Picture
from generator.hands.hand import Hand, HandDetector
from generator.hands.repaint import repaint_request, same_hand
from generator.request import GenerationRequest
from prompts.hands.repair import HandRepair
from service.engine.base import EngineClient


@dataclass(frozen=True, slots=True)
class Mended:
    """The picture after the look at its hands."""

    picture: Picture
    notes: tuple[str, ...]
    """What was found and done, one sentence a hand."""


class HandRepairs:
    """Finds hands with a detector and paints with the engine."""

    def __init__(self, engine: EngineClient, open_detector: Callable[[], HandDetector]) -> None:
        """Opens nothing yet.

        Args:
            engine: Paints.
            open_detector: Called once, in a worker thread; may raise `ModelMissing`.
        """
        self._engine = engine
        self._open_detector = open_detector
        self._detector: HandDetector | None = None
        self._lane = asyncio.Lock()

    async def look(self, picture: Picture) -> tuple[Hand, ...]:
        """The picture's hands, the largest first.

        Raises:
            ModelMissing: code `hand_detector_missing`.
        """
        async with self._lane:
            return await asyncio.to_thread(self._find, picture)

    async def mend(self, request: GenerationRequest, picture: Picture, repair: HandRepair) -> Mended:
        """Paint every hand again that scores below `repair.below`; one that gets no better stays as it was.

        A missing detector is a note, not an error: the picture is finished and good enough to keep.

        Raises:
            SpellwrightError: The engine could not paint.
        """
        try:
            hands = await self.look(picture)
        except ModelMissing as missing:
            return Mended(picture, (missing.detail,))
        notes = []
        for hand in hands:
            if hand.score >= repair.below:
                continue
            picture, note = await self._mend_one(request, picture, hand, repair)
            notes.append(note)
        return Mended(picture, tuple(notes))

    async def _mend_one(
        self, request: GenerationRequest, picture: Picture, hand: Hand, repair: HandRepair
    ) -> tuple[Picture, str]:
        best, best_score = picture, hand.score
        for attempt in range(repair.tries):
            painted = await self._paint(repaint_request(request, picture, hand.box, repair, attempt))
            found = same_hand(await self.look(painted), hand.box)
            if found is not None and found.score > best_score:
                best, best_score = painted, found.score
            if best_score >= repair.below:
                break
        if best is picture:
            return picture, f"A hand scored {hand.score:.2f}; painting it again made it no better, so it was kept."
        return best, f"A hand was painted again: its score went from {hand.score:.2f} to {best_score:.2f}."

    async def _paint(self, request: GenerationRequest) -> Picture:
        events = self._engine.submit(request)
        try:
            async for event in events:
                match event:
                    case ImageReady(picture=picture):
                        return picture
                    case Failed(error=error):
                        raise error
                    case Cancelled():
                        break
        finally:
            await events.aclose()
        raise GeneratorError("The engine stopped before the hand was painted.").with_code("engine_stopped")

    def _find(self, picture: Picture) -> tuple[Hand, ...]:
        if self._detector is None:
            self._detector = self._open_detector()
        return self._detector.find(picture)
