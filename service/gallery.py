"""Use case: the finished pictures and their bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from service.backbone import Backbone
from service.errors import NotFound
from service.jobs import ImageRecord
from service.search import EVERYTHING, Search


class Gallery:
    """Reads pictures."""

    def __init__(self, backbone: Backbone) -> None:
        self._images = backbone.images
        self._blobs = backbone.blobs

    async def get(self, image_id: str) -> ImageRecord:
        """The record.

        Raises:
            NotFound: No such picture.
        """
        image = await asyncio.to_thread(self._images.get, image_id)
        if image is None:
            raise NotFound
        return image

    async def file(self, image_id: str) -> tuple[ImageRecord, bytes]:
        """The record with its PNG file, in one look.

        Raises:
            NotFound: No such picture.
            BlobMissing: The file is gone or damaged.
        """
        return await asyncio.to_thread(self._file, image_id)

    def _file(self, image_id: str) -> tuple[ImageRecord, bytes]:
        image = self._images.get(image_id)
        if image is None:
            raise NotFound
        return image, self._blobs.read(image.blob)

    async def page(self, limit: int, before: str | None = None, search: Search = EVERYTHING) -> Sequence[ImageRecord]:
        """Those that fit, newest first; `before` is the last id of the page above."""
        return await asyncio.to_thread(self._images.page, limit, before, search)

    async def read(self, image: ImageRecord) -> bytes:
        """The PNG file with its infotext.

        Raises:
            BlobMissing: The file is gone or damaged.
        """
        return await asyncio.to_thread(self._blobs.read, image.blob)
