"""Use case: the pictures that img2img starts from: sent, uploaded or drawn here before."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from prompts.canvas import Alpha, Margins, extended, has_transparency, open_mask, png_of
from prompts.errors import PictureError
from prompts.img2img import Img2Img, Inpaint, check_img2img
from prompts.limits import SIDE
from prompts.metadata import read_spell
from prompts.pictures import open_picture
from prompts.spell import LATENT_CELL, Params, Spell
from service.backbone import Backbone, JobLimits
from service.blobs.base import Blob
from service.errors import NotFound, RequestInvalid
from service.jobs import Upload
from service.pictures_in import private_copy, suffix_of

_OWN_SIZE = (0.25, 4.0)
"""A source is drawn at its own size when its area is within these multiples of the checkpoint's usual one."""


@dataclass(frozen=True, slots=True)
class PictureRef:
    """A picture: exactly one of the three is given."""

    image_id: str | None = None
    """A picture that was drawn here."""
    upload_id: str | None = None
    """One that was sent to `/api/uploads`."""
    data: bytes | None = None
    """The file itself."""


@dataclass(frozen=True, slots=True)
class Img2ImgOrder:
    """What somebody wants drawn over.

    `settings` carries everything but the pixels: its keys (`source`, `inpaint.mask`) may be empty, they are
    filled in when the pictures are stored.
    """

    source: PictureRef
    settings: Img2Img
    """With `inpaint` set to draw only what the mask marks."""
    mask: PictureRef | None = None
    """White is drawn anew. `None` with `inpaint`: the source's own transparency is the mask."""
    mask_alpha: Alpha = "auto"
    outpaint: Margins | None = None
    """Extend the canvas first; then the mask is made here, and `mask` must be `None`."""


@dataclass(frozen=True, slots=True)
class StoredSource:
    """An order whose pixels are in the blob store."""

    settings: Img2Img
    """With its keys."""
    size: tuple[int, int]
    """(width, height) of the source in pixels."""
    keeps_size: bool
    """Whether it is to be drawn at exactly this size unless another is asked for (outpainting)."""

    def fitted_size(self, asked: Params, usual: Params) -> tuple[int | None, int | None]:
        """The (width, height) to draw: what was asked for; else the source's shape, at a size that suits.

        Args:
            asked: What the spell says; both sides are kept when both are there.
            usual: The checkpoint's own defaults.

        Returns:
            Multiples of 8 inside the limits; `None` leaves a side to the checkpoint's default.
        """
        is_part = self.settings.inpaint is not None and self.settings.inpaint.only_masked
        if (asked.width is not None and asked.height is not None) or is_part:
            return asked.width, asked.height
        width, height = self.size
        if asked.width is not None:
            return asked.width, _cells(asked.width * height / width)
        if asked.height is not None:
            return _cells(asked.height * width / height), asked.height
        area = (usual.width or 512) * (usual.height or 512)
        share = width * height / area
        scale = 1.0 if self.keeps_size or _OWN_SIZE[0] <= share <= _OWN_SIZE[1] else (1 / share) ** 0.5
        return _cells(width * scale), _cells(height * scale)


class Sources:
    """Stores and finds the pictures that are drawn over."""

    def __init__(self, backbone: Backbone, limits: JobLimits) -> None:
        self._backbone = backbone
        self._limits = limits

    async def upload(self, data: bytes) -> tuple[Upload, tuple[int, int]]:
        """Keep a picture for later orders; its record and (width, height).

        It is kept while a job needs it, and for an hour in any case.

        Raises:
            PictureError: It cannot be read; see `prompts.pictures`.
            DiskFull, DatabaseUnavailable: See there.
        """
        image = await asyncio.to_thread(self._opened, data)
        blob = await asyncio.to_thread(self._put, data)
        upload = Upload(self._backbone.new_id(), blob.key, blob.sha256, blob.bytes, self._backbone.clock())
        await asyncio.to_thread(self._backbone.images.add_upload, upload)
        return upload, image.size

    async def stored(self, order: Img2ImgOrder) -> StoredSource:
        """Check the order, read its pictures, and put what is missing into the blob store.

        Raises:
            NotFound: No such picture or upload.
            RequestInvalid: A picture named in no way or in two, a mask without `inpaint`, or none where one is needed.
            PictureError: A picture cannot be read.
            SpellOutOfRange, UnknownName: The settings.
        """
        settings = check_img2img(order.settings)
        data = await self._bytes(order.source, "source")
        mask = None if order.mask is None else await self._bytes(order.mask, "mask")
        return await asyncio.to_thread(self._store, order, settings, data, mask)

    async def kept(self, ref: PictureRef) -> tuple[str, tuple[int, int], Spell]:
        """A picture's blob key, its (width, height), and the spell that it carries (an empty one when it has none).

        Raises:
            NotFound: No such picture or upload.
            RequestInvalid: It is named in no way or in two.
            PictureError: It cannot be read.
        """
        data = await self._bytes(ref, "source")
        image = await asyncio.to_thread(self._opened, data)
        spell = await asyncio.to_thread(read_spell, data)
        return (await asyncio.to_thread(self._put, data)).key, image.size, spell or Spell()

    async def _bytes(self, ref: PictureRef, field: str) -> bytes:
        given = [name for name in ("image_id", "upload_id", "data") if getattr(ref, name) is not None]
        if len(given) != 1:
            raise RequestInvalid(
                f"Name the {field} in one way: image_id, upload_id or the picture itself.", field=f"img2img.{field}"
            )
        if ref.data is not None:
            return ref.data
        record: Any
        if ref.image_id is not None:
            record = await asyncio.to_thread(self._backbone.images.get, ref.image_id)
        else:
            record = await asyncio.to_thread(self._backbone.images.upload, ref.upload_id or "")
        if record is None:
            raise NotFound
        return await asyncio.to_thread(self._backbone.blobs.read, record.blob)

    def _store(self, order: Img2ImgOrder, settings: Img2Img, data: bytes, mask: bytes | None) -> StoredSource:
        image = self._opened(data)
        if order.outpaint is not None:
            if mask is not None:
                raise RequestInvalid("Outpainting makes its own mask; leave mask out.", field="img2img.mask")
            return self._store_extended(image, order.outpaint, settings)
        inpaint = settings.inpaint
        if inpaint is None:
            if mask is not None:
                raise RequestInvalid("There is a mask, but inpaint is not set.", field="img2img.inpaint")
        else:
            inpaint = replace(inpaint, mask=self._put_own(self._mask(order, data, mask)))
        return StoredSource(
            replace(settings, source=self._put(data).key, inpaint=inpaint), image.size, keeps_size=False
        )

    def _store_extended(self, image: Image.Image, margins: Margins, settings: Img2Img) -> StoredSource:
        inpaint = settings.inpaint or Inpaint("", masked_content="fill")
        canvas, cover = extended(image, margins, inpaint.blur)
        inpaint = replace(inpaint, mask=self._put_own(cover), only_masked=False, invert=False)
        stored = replace(settings, source=self._put_own(canvas), inpaint=inpaint)
        return StoredSource(stored, canvas.size, keeps_size=True)

    def _mask(self, order: Img2ImgOrder, data: bytes, mask: bytes | None) -> Image.Image:
        if mask is not None:
            self._check_bytes(mask)
            return open_mask(mask, order.mask_alpha)
        if not has_transparency(data):
            raise RequestInvalid(
                "Inpainting needs a mask: send one (white is drawn anew), or a picture with a transparent part.",
                field="img2img.mask",
            ).with_code("mask_missing")
        return open_mask(data, "transparent")

    def _opened(self, data: bytes) -> Image.Image:
        self._check_bytes(data)
        return open_picture(data)

    def _check_bytes(self, data: bytes) -> None:
        if len(data) > self._limits.upload_bytes:
            raise PictureError(
                f"The image file has {len(data)} bytes; the limit is {self._limits.upload_bytes}. "
                "Save it smaller and send it again.",
                limit=self._limits.upload_bytes,
                got=len(data),
            ).with_code("image_too_large")

    def _put(self, data: bytes) -> Blob:
        plain = private_copy(data)
        return self._backbone.blobs.put("uploads", plain, suffix_of(plain))

    def _put_own(self, image: Image.Image) -> str:
        """The key of a picture that was made here; it says nothing but its pixels."""
        return self._backbone.blobs.put("uploads", png_of(image), "png").key


def order_parts(order: Img2ImgOrder | None) -> list[object]:
    """What two equal orders have in common, for idempotency: bytes by their hash."""
    if order is None:
        return []
    refs = [
        None if ref is None else [ref.image_id, ref.upload_id, ref.data and hashlib.sha256(ref.data).hexdigest()]
        for ref in (order.source, order.mask)
    ]
    return [*refs, repr(order.settings), order.mask_alpha, repr(order.outpaint)]


def _cells(side: float) -> int:
    """The nearest multiple of 8 inside the limits of a first pass."""
    return min(max(round(side / LATENT_CELL) * LATENT_CELL, SIDE[0]), SIDE[1])
