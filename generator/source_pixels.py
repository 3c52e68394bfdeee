"""The pixels that img2img and inpainting start from and end in, made as the web UI makes them. Pillow, no torch."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageFilter, ImageOps

from generator.events import Picture
from generator.request import SourcePicture
from prompts.img2img import RESIZE_MODES, Inpaint
from prompts.spell import LATENT_CELL

Size = tuple[int, int]
"""(width, height) in pixels."""
Box = tuple[int, int, int, int]
"""(left, top, right, bottom) in pixels; right and bottom are outside."""

LATENT_UPSCALE = RESIZE_MODES[3]
_STRETCH, _CROP, _FILL = RESIZE_MODES[:3]
_LARGEST_SIDE = 2048  # pixels that "latent upscale" encodes at most, whatever was sent
_SMEARS = ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1))
"""(blur radius in pixels, how often it is laid on) of masked content `fill`, the web UI's."""


@dataclass(frozen=True)
class Overlay:
    """What of the source is laid over the finished picture again."""

    original: Image.Image
    """RGB, as large as the finished picture is to be."""
    drawn: Image.Image
    """L; white is what was drawn anew."""
    box: Box | None
    """Where the drawn picture belongs in `original`; `None` for all of it."""


@dataclass(frozen=True)
class StartPixels:
    """What is encoded, and what is drawn of it."""

    image: Image.Image
    """RGB, of the drawn size; of its own whole cells for the latent upscale."""
    mask: Image.Image | None
    """L, of the drawn size; white is drawn anew."""
    overlay: Overlay | None
    notes: tuple[str, ...] = ()


def start_pixels(source: SourcePicture, size: Size) -> StartPixels:
    """Resize, cut and fill a source for a picture of `size`."""
    image = as_image(source.picture)
    settings = source.settings
    mask = None if source.mask is None else as_image(source.mask).convert("L")
    if settings.inpaint is None or mask is None:
        return StartPixels(_fitted(image, settings.resize_mode, size), None, None)
    # Latent upscaling enlarges everything after encoding; a mask has to be there before.
    mode = _STRETCH if settings.resize_mode == LATENT_UPSCALE else settings.resize_mode
    inpaint = settings.inpaint
    mask = _edge(mask, image.size, inpaint)
    if mask.getbbox() is None:
        note = "The mask is empty: nothing was to be drawn anew."
        if inpaint.only_masked:
            return StartPixels(_fitted(image, mode, size), None, None, (f"{note} The whole picture was drawn over.",))
        return _whole(image, mask, mode, size, inpaint, (note,))
    if inpaint.only_masked:
        return _only_masked(image, mask, size, inpaint)
    return _whole(image, mask, mode, size, inpaint, ())


def composed(picture: Picture, overlay: Overlay | None) -> Picture:
    """The finished picture: what was drawn, put where it belongs, with the untouched source around it."""
    if overlay is None:
        return picture
    drawn = as_image(picture)
    if overlay.box is not None:
        left, top, right, bottom = overlay.box
        ground = overlay.original.copy()
        ground.paste(resized(drawn, _CROP, (right - left, bottom - top)), (left, top))
        drawn = ground
    return as_picture(Image.composite(drawn, overlay.original, overlay.drawn))


def finished_size(source: SourcePicture | None, size: Size) -> Size:
    """(width, height) of the finished picture: the source's where only its masked part is drawn."""
    if source is None or source.mask is None or source.settings.inpaint is None:
        return size
    if not source.settings.inpaint.only_masked:
        return size
    return source.picture.width, source.picture.height


def resized(image: Image.Image, mode: str, size: Size) -> Image.Image:
    """`image` at `size` by one of the web UI's resize modes, with Lanczos."""
    width, height = size
    if mode == _STRETCH:
        return image.resize(size, Image.Resampling.LANCZOS)
    is_wider = width * image.height > height * image.width
    if is_wider == (mode == _CROP):
        inner = (width, image.height * width // image.width)
    else:
        inner = (image.width * height // image.height, height)
    inner = (max(inner[0], 1), max(inner[1], 1))
    small = image.resize(inner, Image.Resampling.LANCZOS)
    ground = Image.new(image.mode, size)
    left, top = width // 2 - inner[0] // 2, height // 2 - inner[1] // 2
    if mode != _CROP:
        _stretch_edges(ground, small, (left, top))
    ground.paste(small, (left, top))
    return ground


def mask_box(mask: Image.Image, padding: int, size: Size) -> Box:
    """The box around the white of `mask`, with padding, grown to the ratio of `size` inside the picture.

    Raises:
        ValueError: The mask is empty.
    """
    found = mask.getbbox()
    if found is None:
        raise ValueError("the mask is empty")
    left, top, right, bottom = found
    left, top = max(left - padding, 0), max(top - padding, 0)
    right, bottom = min(right + padding, mask.width), min(bottom + padding, mask.height)
    width, height = size
    if (right - left) * height > (bottom - top) * width:
        top, bottom = _grown(top, bottom, int((right - left) * height / width), mask.height)
    else:
        left, right = _grown(left, right, int((bottom - top) * width / height), mask.width)
    return left, top, right, bottom


def filled(image: Image.Image, mask: Image.Image) -> Image.Image:
    """`image` with what `mask` marks painted over by the colours around it, smeared ever finer."""
    hole = Image.new("RGBa", image.size)
    hole.paste(image.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask))
    result = Image.new("RGBA", image.size)
    for radius, times in _SMEARS:
        smeared = hole.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        for _ in range(times):
            result.alpha_composite(smeared)
    return result.convert("RGB")


def as_image(picture: Picture) -> Image.Image:
    """The engine's pixels as Pillow's."""
    return Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)


def as_picture(image: Image.Image) -> Picture:
    """Pillow's pixels as the engine's; other modes become RGB."""
    rgb = image.convert("RGB")
    return Picture(rgb.width, rgb.height, rgb.tobytes())


def _whole(
    image: Image.Image, mask: Image.Image, mode: str, size: Size, inpaint: Inpaint, notes: tuple[str, ...]
) -> StartPixels:
    small, cover = resized(image, mode, size), resized(mask, mode, size)
    # Doubled, so that the soft edge belongs to what was drawn and no rim of the source shines through.
    overlay = Overlay(small, cover.point(lambda level: min(2 * level, 255)), None)
    return StartPixels(_with_content(small, cover, inpaint), cover, overlay, notes)


def _only_masked(image: Image.Image, mask: Image.Image, size: Size, inpaint: Inpaint) -> StartPixels:
    box = mask_box(mask, inpaint.only_masked_padding, size)
    cut = resized(image.crop(box), _FILL, size)
    cover = resized(mask.crop(box), _FILL, size)
    return StartPixels(_with_content(cut, cover, inpaint), cover, Overlay(image, mask, box))


def _with_content(image: Image.Image, mask: Image.Image, inpaint: Inpaint) -> Image.Image:
    """The web UI smears the masked part for every content but `original`, also under latent noise."""
    return image if inpaint.masked_content == "original" else filled(image, mask)


def _edge(mask: Image.Image, size: Size, inpaint: Inpaint) -> Image.Image:
    """The mask at the source's size, inverted and blurred as wanted."""
    if mask.size != size:
        mask = mask.resize(size, Image.Resampling.LANCZOS)
    if inpaint.invert:
        mask = ImageOps.invert(mask)
    return mask.filter(ImageFilter.GaussianBlur(inpaint.blur)) if inpaint.blur else mask


def _fitted(image: Image.Image, mode: str, size: Size) -> Image.Image:
    if mode != LATENT_UPSCALE:
        return resized(image, mode, size)
    shrink = min(1.0, _LARGEST_SIDE / max(image.size))
    whole = tuple(max(int(side * shrink) // LATENT_CELL, 1) * LATENT_CELL for side in image.size)
    return image.resize((whole[0], whole[1]), Image.Resampling.LANCZOS)


def _stretch_edges(ground: Image.Image, small: Image.Image, at: tuple[int, int]) -> None:
    """Fill what `small` at `at` leaves free with its outermost rows or columns."""
    (left, top), (width, height) = at, small.size
    if top > 0:
        below = ground.height - top - height
        ground.paste(small.crop((0, 0, width, 1)).resize((width, top)), (0, 0))
        if below > 0:
            ground.paste(small.crop((0, height - 1, width, height)).resize((width, below)), (0, top + height))
    if left > 0:
        beside = ground.width - left - width
        ground.paste(small.crop((0, 0, 1, height)).resize((left, height)), (0, 0))
        if beside > 0:
            ground.paste(small.crop((width - 1, 0, width, height)).resize((beside, height)), (left + width, 0))


def _grown(low: int, high: int, wanted: int, limit: int) -> tuple[int, int]:
    """A span grown to `wanted` around its middle, pushed back inside 0..limit, and cut there."""
    more = wanted - (high - low)
    low, high = low - more // 2, high + more - more // 2
    if high >= limit:
        low, high = low - (high - limit), limit
    if low < 0:
        low, high = 0, high - low
    return low, min(high, limit)
