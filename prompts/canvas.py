"""Masks and larger canvases for inpainting and outpainting, made from pictures that were sent. Pillow, no torch."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from prompts.errors import PictureError, SpellOutOfRange
from prompts.pictures import FORMATS, check_header, open_picture

Alpha = Literal["auto", "transparent", "ignore"]
"""What a mask's alpha channel says: `auto`, opaque is drawn anew when the channel says anything (A1111);
`transparent`, the transparent part is (OpenAI); `ignore`, only the brightness counts: white is drawn anew."""

_CELL = 8  # pixels; a canvas is extended to whole latent cells
_HALF = 128
MARGIN = (0, 1024)  # pixels a side
CANVAS_SIDE = 2048  # pixels


@dataclass(frozen=True, slots=True)
class Margins:
    """How far a canvas is to be extended, in pixels; 0..1024 each."""

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0


def open_mask(data: bytes, alpha: Alpha = "auto") -> Image.Image:
    """A mask as mode L; white is drawn anew. Bounded as every picture from outside is.

    Raises:
        PictureError: As `prompts.pictures.open_picture`.
    """
    plain = open_picture(data)  # every check and a full decode; the alpha channel is read from a file that passed
    channel = None if alpha == "ignore" else _alpha(data)
    if channel is None or channel.size != plain.size:
        return plain.convert("L")
    if alpha == "transparent":
        return channel.point(lambda level: 255 - level)
    return channel.point(lambda level: 255 if level > _HALF else 0)


def has_transparency(data: bytes) -> bool:
    """Whether a picture has an alpha channel that hides anything; `data` passed `check_header`."""
    return _alpha(data) is not None


def extended(image: Image.Image, margins: Margins, blur: int) -> tuple[Image.Image, Image.Image]:
    """The picture on a larger canvas, and the mask of what is to be drawn there: outpainting.

    The canvas grows to whole cells of 8 pixels, to the right and below. The new part shows the nearest edge
    stretched; the mask reaches twice the blur into the old picture, so that the seam is drawn over.

    Args:
        image: RGB.
        margins: At least one above 0.
        blur: Of the mask, in pixels.

    Raises:
        SpellOutOfRange: No margin, one outside its range, or a canvas over 2048 pixels a side.
    """
    for field in ("left", "right", "top", "bottom"):
        value = getattr(margins, field)
        if not MARGIN[0] <= value <= MARGIN[1]:
            raise SpellOutOfRange(
                f"The margin {field} is {value}; it must be from {MARGIN[0]} to {MARGIN[1]} pixels.",
                field=f"img2img.outpaint.{field}",
                got=value,
                limit=list(MARGIN),
            )
    if margins == Margins():
        raise SpellOutOfRange("Outpainting needs a margin on at least one side.", field="img2img.outpaint", got=0)
    width = _whole_cells(margins.left + image.width + margins.right)
    height = _whole_cells(margins.top + image.height + margins.bottom)
    if max(width, height) > CANVAS_SIDE:
        raise SpellOutOfRange(
            f"The extended picture would be {width}x{height}; the limit is {CANVAS_SIDE} pixels a side.",
            field="img2img.outpaint",
            got=[width, height],
            limit=CANVAS_SIDE,
        )
    canvas = _stretched(image, (width, height), (margins.left, margins.top))
    mask = Image.new("L", (width, height), 255)
    mask.paste(0, _kept(image.size, (width, height), (margins.left, margins.top), 2 * blur))
    return canvas, mask


def png_of(image: Image.Image) -> bytes:
    """The picture as PNG."""
    encoded = io.BytesIO()
    image.save(encoded, "PNG", compress_level=1)
    return encoded.getvalue()


def _alpha(data: bytes) -> Image.Image | None:
    """The alpha channel; `None` without one, or when all is opaque."""
    check_header(data)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            if opened.mode not in ("RGBA", "LA", "PA") and "transparency" not in opened.info:
                return None
            channel = opened.convert("RGBA").getchannel("A")
    except (OSError, ValueError, SyntaxError) as broken:
        raise PictureError("The mask is cut off or damaged.").with_code("image_truncated") from broken
    low, _ = channel.getextrema()
    return None if low == 255 else channel


def _whole_cells(side: int) -> int:
    return -(-side // _CELL) * _CELL


def _kept(
    inner: tuple[int, int], outer: tuple[int, int], at: tuple[int, int], overlap: int
) -> tuple[int, int, int, int]:
    """The box that stays as it is: the old picture less the overlap on the sides that grow."""
    left, top = at
    right, bottom = left + inner[0], top + inner[1]
    box = (
        left + (overlap if left else 0),
        top + (overlap if top else 0),
        right - (overlap if right < outer[0] else 0),
        bottom - (overlap if bottom < outer[1] else 0),
    )
    return (box[0], box[1], max(box[2], box[0]), max(box[3], box[1]))


def _stretched(image: Image.Image, size: tuple[int, int], at: tuple[int, int]) -> Image.Image:
    """`image` at `at` on a canvas whose free parts repeat its edges."""
    left, top = at
    width, height = size
    row = Image.new("RGB", (width, image.height))
    row.paste(image.crop((0, 0, 1, image.height)).resize((max(left, 1), image.height)), (0, 0))
    right = left + image.width
    if right < width:
        edge = image.crop((image.width - 1, 0, image.width, image.height))
        row.paste(edge.resize((width - right, image.height)), (right, 0))
    row.paste(image, (left, 0))
    canvas = Image.new("RGB", size)
    if top:
        canvas.paste(row.crop((0, 0, width, 1)).resize((width, top)), (0, 0))
    below = height - top - image.height
    if below > 0:
        canvas.paste(
            row.crop((0, image.height - 1, width, image.height)).resize((width, below)), (0, top + image.height)
        )
    canvas.paste(row, (0, top))
    return canvas
