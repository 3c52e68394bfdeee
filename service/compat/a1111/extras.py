"""The routes of A1111's Extras tab: a picture made larger, without a model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter
from PIL import Image

from prompts.errors import UnknownName
from prompts.limits import HIRES_SIDE
from prompts.metadata import read_infotext, write_infotext
from prompts.picture_child import open_picture_apart
from prompts.spell import HiresFix
from prompts.vocabulary import PIXEL_UPSCALERS
from service.compat.a1111.errors import A1111Route, Refused
from service.compat.a1111.readers import picture_of
from service.compat.a1111.schemas import ExtraBatchIn, ExtrasIn, ExtraSingleIn
from service.compat.pictures_out import base64_of, png_of
from service.errors import RequestInvalid
from service.provenance.marks import mark_of, with_mark

router = APIRouter(prefix="/sdapi/v1", tags=["A1111: extras"], route_class=A1111Route)
FILTERS = {"Lanczos": Image.Resampling.LANCZOS, "Nearest": Image.Resampling.NEAREST}


@router.post("/extra-single-image")
async def extra_single_image(body: ExtraSingleIn) -> dict[str, str]:
    """One picture, larger; its infotext and its mark stay in it."""
    made = await asyncio.to_thread(_all, body, [body.image])
    return {"html_info": _told(body), "image": made[0]}


@router.post("/extra-batch-images")
async def extra_batch_images(body: ExtraBatchIn) -> dict[str, object]:
    """Several pictures, larger."""
    made = await asyncio.to_thread(_all, body, [named.data for named in body.imageList])
    return {"html_info": _told(body), "images": made}


def _all(body: ExtrasIn, pictures: Sequence[str]) -> list[str]:
    upscaler = _upscaler(body.upscaler_1)
    if any(not text.strip() for text in pictures):
        raise Refused(404, "Image not found")
    return [base64_of(_enlarged(body, picture_of(text), upscaler)) for text in pictures]


def _upscaler(name: str) -> str | None:
    """The pixel upscaler; `None` for A1111's "None", which leaves the picture as it is."""
    if name.strip().casefold() in ("", "none"):
        return None
    for known in PIXEL_UPSCALERS:
        if known.casefold() == name.strip().casefold():
            return known
    raise UnknownName(
        f"There is no upscaler {name[:60]!r} here; {' and '.join(PIXEL_UPSCALERS)} are.",
        field="upscaler_1",
        near=list(PIXEL_UPSCALERS),
    ).with_code("upscaler_not_found")


def _enlarged(body: ExtrasIn, data: bytes, upscaler: str | None) -> bytes:
    picture = open_picture_apart(data)
    result = picture if upscaler is None else _resized(body, picture, upscaler)
    made = png_of(result)
    infotext, mark = read_infotext(data), mark_of(data)
    made = write_infotext(made, infotext) if infotext else made
    return with_mark(made, mark) if mark else made


def _resized(body: ExtrasIn, picture: Image.Image, upscaler: str) -> Image.Image:
    if body.resize_mode == 0:
        size = HiresFix(upscale_by=body.upscaling_resize).target_size(*picture.size)
    else:
        size = _cover(picture.size, (body.upscaling_resize_w, body.upscaling_resize_h), is_cut=body.upscaling_crop)
    if not all(1 <= side <= HIRES_SIDE[1] for side in size):
        raise RequestInvalid(
            f"The picture would have {size[0]} x {size[1]} pixels; a side may have {HIRES_SIDE[1]} at most.",
            field="upscaling_resize",
            limit=HIRES_SIDE[1],
        )
    large = picture.resize(size, FILTERS[upscaler])
    if body.resize_mode == 0 or not body.upscaling_crop:
        return large
    left, top = (large.width - body.upscaling_resize_w) // 2, (large.height - body.upscaling_resize_h) // 2
    return large.crop((left, top, left + body.upscaling_resize_w, top + body.upscaling_resize_h))


def _cover(size: tuple[int, int], target: tuple[int, int], *, is_cut: bool) -> tuple[int, int]:
    """The size of the same shape that covers `target` (to be cut), or that fits into it."""
    ratios = [wanted / side for wanted, side in zip(target, size, strict=True)]
    factor = max(ratios) if is_cut else min(ratios)
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _told(body: ExtrasIn) -> str:
    restored = body.gfpgan_visibility > 0 or body.codeformer_visibility > 0
    is_second = body.upscaler_2.casefold() not in ("", "none") and body.extras_upscaler_2_visibility > 0
    notes = ["Face restoration is not supported here; it was ignored."] if restored else []
    notes += ["A second upscaler is not supported here; it was ignored."] if is_second else []
    return " ".join(notes)
