"""Use case: the hands of a picture that is stored already."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from generator.hands.hand import Hand
from service.backbone import Backbone
from service.hand_repair import HandRepairs
from service.jobs import ImageRecord
from service.source_pixels import read_pixels


@dataclass(frozen=True, slots=True)
class HandEye:
    """Looks at hands."""

    backbone: Backbone
    repairs: HandRepairs

    async def look(self, image: ImageRecord) -> tuple[Hand, ...]:
        """The hands of a finished picture, the largest first.

        Raises:
            ModelMissing: code `hand_detector_missing`.
            BlobMissing: The picture's file is gone or damaged.
        """
        return await self.repairs.look(await asyncio.to_thread(read_pixels, self.backbone.blobs, image.blob))
