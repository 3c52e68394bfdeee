"""The pixels of a stored picture, for the engine to draw over."""

from __future__ import annotations

from generator.events import Picture
from prompts.pictures import open_picture
from service.blobs.base import BlobStore


def read_pixels(blobs: BlobStore, key: str) -> Picture:
    """The picture under `key`.

    Raises:
        BlobMissing: The file is gone or damaged.
        PictureError: It is no picture any more.
    """
    image = open_picture(blobs.read(key))
    return Picture(image.width, image.height, image.tobytes())
