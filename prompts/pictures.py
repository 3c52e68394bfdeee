"""Bytes from outside to one honest picture: RGB, upright, alpha over white, or a clear refusal.

Every check that can be made from the header is made before a decoder sees the file.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import struct
import zlib
from typing import NoReturn

import numpy as np
from PIL import Image, ImageCms

from prompts.errors import PictureError
from prompts.picture_header import PictureHeader, format_by_magic, read_header, spoken_format

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 25_000_000
MAX_SIDE = 8192  # pixels
MIN_SIDE = 16  # pixels
MAX_FRAMES = 1000
FORMATS = ("PNG", "JPEG", "WEBP")
REMARKS = "remarks"
"""Key of `Image.info` under which an opened picture carries sentences about what of the file was left aside."""

# What Pillow's readers raise on broken files; SyntaxError is its word for a bad PNG or EXIF block.
_BROKEN_FILE = (OSError, SyntaxError, ValueError, IndexError, KeyError, TypeError, EOFError, struct.error, zlib.error)
_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_DATA_URL = re.compile(r"data:(?P<mime>[\w.+/-]*)(?:;[\w=.+-]+)*?;base64,", re.IGNORECASE)
_BASE64_HINT = "Send plain base64 or a data URL."


def open_picture(data: bytes) -> Image.Image:
    """The picture in `data`: mode RGB, 8 bit, upright, transparent parts over white, no metadata.

    Of an animated file it is the first frame. Colours are converted to sRGB when the file carries a
    usable ICC profile. GPS and all other EXIF stay behind. What was left aside is told by `remarks`.

    Raises:
        PictureError: `image_empty`, `image_too_large` (bytes), `image_format_not_allowed`,
            `image_truncated`, `image_too_many_pixels`, `image_too_small` or `metadata_too_large`.
    """
    header = check_header(data)
    try:
        if header.format == "PNG":
            # Pillow decodes a PNG whose checksums are wrong; a damaged picture must not pass for a good one.
            with Image.open(io.BytesIO(data), formats=FORMATS) as unchecked:
                unchecked.verify()
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            _check_size(*opened.size)  # a second, larger header further down the file is seen only by now
            frames = int(getattr(opened, "n_frames", 1))
            _check_frames(frames)
            opened.seek(0)
            opened.load()
            picture, is_converted = _plain_rgb(_upright(opened))
            # A phone's JPEG may hold a depth map or a preview besides: no animation, nothing to remark.
            moving = 1 if header.format == "JPEG" else frames
            told = _remarks(moving, is_converted=is_converted)
            picture.info = {REMARKS: told} if told else {}
            return picture
    except _BROKEN_FILE as broken:
        _refuse_broken(broken)


def remarks(picture: Image.Image) -> tuple[str, ...]:
    """What `open_picture` left aside of the file, in sentences; none for a plain picture or one from elsewhere."""
    told = picture.info.get(REMARKS, ())
    return tuple(told) if isinstance(told, list | tuple) else ()


def check_header(data: bytes) -> PictureHeader:
    """Refuse by size, format and declared pixels alone; costs microseconds and no memory.

    Raises:
        PictureError: As `open_picture`, but for faults that only decoding can show.
    """
    if not data:
        raise PictureError("The image is empty: no bytes arrived.").with_code("image_empty")
    if len(data) > MAX_BYTES:
        raise PictureError(
            f"The image file has {len(data) / 2**20:.1f} MiB; the limit is {MAX_BYTES // 2**20} MiB. "
            "Save it smaller and send it again.",
            limit=MAX_BYTES,
            got=len(data),
        ).with_code("image_too_large")
    if format_by_magic(data) is None:
        detected = spoken_format(data)
        spoken = "a file of unknown type" if detected == "unknown" else f"a {detected} file"
        raise PictureError(
            f"This is {spoken}. Send PNG, JPEG or WebP.", detected=detected, allowed=list(FORMATS)
        ).with_code("image_format_not_allowed")
    header = read_header(data)
    if header is None:
        raise _truncated()
    _check_size(header.width, header.height)
    return header


def base64_picture(text: str) -> bytes:
    """The bytes behind a data URL or plain base64; both alphabets, white space and missing padding pass.

    Raises:
        PictureError: `base64_invalid`; `image_too_large` before anything is decoded.
    """
    prefix = _DATA_URL.match(text.lstrip()[:256])
    if prefix and prefix["mime"] and not prefix["mime"].casefold().startswith("image/"):
        raise _not_base64(f"The data URL holds {prefix['mime']}, not an image. {_BASE64_HINT}")
    body = "".join(text.lstrip()[prefix.end() if prefix else 0 :].split())
    if len(body) * 3 // 4 > MAX_BYTES + 3:
        raise PictureError(
            f"The image has about {len(body) * 3 // 4 / 2**20:.0f} MiB; the limit is {MAX_BYTES // 2**20} MiB.",
            limit=MAX_BYTES,
            got=len(body) * 3 // 4,
        ).with_code("image_too_large")
    body = body.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        data = base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise _not_base64(f"The image is not valid base64. {_BASE64_HINT}") from wrong
    if not data:
        raise _not_base64(f"The image is empty. {_BASE64_HINT}")
    return data


def _check_size(width: int, height: int) -> None:
    if width == 0 or height == 0:
        raise PictureError("The image is empty: a side has no pixels.", got=[width, height]).with_code("image_empty")
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise PictureError(
            f"The image has {width} x {height} pixels ({width * height / 1e6:.1f} megapixels); the limit is "
            f"{MAX_PIXELS // 10**6} megapixels and {MAX_SIDE} pixels a side. Make it smaller and send it again.",
            limit=MAX_PIXELS,
            got=width * height,
            size=[width, height],
        ).with_code("image_too_many_pixels")
    if min(width, height) < MIN_SIDE:
        raise PictureError(
            f"The image is too small: {width} x {height} pixels; each side needs {MIN_SIDE} or more.",
            limit=MIN_SIDE,
            got=[width, height],
        ).with_code("image_too_small")


def _check_frames(frames: int) -> None:
    if frames > MAX_FRAMES:
        raise PictureError(
            f"The image is an animation of {frames} frames; the limit is {MAX_FRAMES}. Send a single picture.",
            limit=MAX_FRAMES,
            got=frames,
        ).with_code("image_too_many_pixels")


def _remarks(frames: int, *, is_converted: bool) -> tuple[str, ...]:
    told = [f"The file is an animation of {frames} frames; its first frame was read."] if frames > 1 else []
    if not is_converted:
        told.append("The file's colour profile cannot be used; its colours were read as sRGB.")
    return tuple(told)


def _upright(picture: Image.Image) -> Image.Image:
    try:
        turn = _UPRIGHT.get(picture.getexif().get(_ORIENTATION_TAG, 1))
    except _BROKEN_FILE:
        return picture  # unreadable EXIF says nothing about the pixels
    return picture if turn is None else picture.transpose(turn)


def _plain_rgb(picture: Image.Image) -> tuple[Image.Image, bool]:
    """RGB over white, and whether the file's colour profile, if any, could be used."""
    has_alpha = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I") or picture.mode == "F":
        picture = _eight_bit(picture)
    elif has_alpha:
        picture = picture.convert("RGBA")
    elif picture.mode in ("P", "1"):
        picture = picture.convert("RGB")
    converted = _to_srgb(picture, profile) if profile else picture
    is_converted = converted is not None
    picture = picture if converted is None else converted
    if picture.mode == "RGBA":
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture)
    return picture.convert("RGB"), is_converted


def _eight_bit(picture: Image.Image) -> Image.Image:
    """16-bit grey to 8 bit by rounding; Pillow itself would clip everything above 255 to white."""
    values = np.asarray(picture).astype(np.float64)
    return Image.fromarray(np.clip(np.rint(values / 257.0), 0, 255).astype(np.uint8))


def _to_srgb(picture: Image.Image, profile: bytes) -> Image.Image | None:
    """`None` for a bad profile, or one for another colour space: no reason to refuse the pixels."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
        colours = picture.convert("RGB") if alpha else picture
        converted = ImageCms.profileToProfile(colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, *_BROKEN_FILE):
        return None
    if alpha and converted is not None:
        converted.putalpha(alpha)
    return converted


def _refuse_broken(broken: BaseException) -> NoReturn:
    if "MAX_TEXT" in str(broken):
        raise PictureError(
            "The image carries more metadata than 1 MiB a chunk. Save it without metadata and send it again."
        ).with_code("metadata_too_large") from broken
    raise _truncated() from broken


def _truncated() -> PictureError:
    error = PictureError("The image is cut off or damaged. Save it again and send the whole file.")
    error.with_code("image_truncated")
    return error


def _not_base64(sentence: str) -> PictureError:
    error = PictureError(sentence)
    error.with_code("base64_invalid")
    return error
