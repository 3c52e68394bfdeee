"""What tells about people leaves a picture file; the picture itself stays, byte by byte where it is not turned."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from prompts.metadata import read_infotext, stripped, without_personal, write_infotext
from prompts.pictures import open_picture

SECRET = "Anna's kitchen, 52.5200 N"


def drawing(mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(3).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def telling(turned: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = turned
    exif[0x010E] = SECRET
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[29] = SECRET
    return exif


def saved(kind: str, mode: str = "RGB", turned: int = 1, **more: object) -> bytes:
    file = io.BytesIO()
    if kind == "PNG":
        texts = PngInfo()
        texts.add_text("Author", SECRET)
        texts.add_itxt("XML:com.adobe.xmp", SECRET)
        more["pnginfo"] = texts
    else:
        more["xmp"] = f"<x>{SECRET}</x>".encode()
    if kind == "JPEG":
        more["comment"] = SECRET
    drawing(mode).save(file, kind, exif=telling(turned), icc_profile=profile(), **more)
    return file.getvalue()


def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_nothing_that_tells_about_people_stays_and_every_pixel_does(kind: str, turned: int) -> None:
    data = saved(kind, turned=turned)
    assert SECRET.encode() in data
    plain = without_personal(data + SECRET.encode())
    assert SECRET.encode() not in plain and b"Anna" not in plain
    assert np.array_equal(np.asarray(open_picture(plain)), np.asarray(open_picture(data)))
    with Image.open(io.BytesIO(plain)) as opened:
        assert opened.getexif().get(0x0112, 1) == turned and not opened.getexif().get_ifd(0x8825)
        assert opened.info.get("icc_profile"), "colours are part of the picture"
    assert without_personal(plain) == plain


@pytest.mark.parametrize(
    "data",
    [
        lambda: saved("JPEG", "CMYK"),
        lambda: saved("JPEG", "L", progressive=True),
        lambda: saved("JPEG", progressive=True, restart_marker_blocks=1),
        lambda: saved("PNG", "P"),
        lambda: saved("PNG", save_all=True, append_images=[drawing()]),
        lambda: saved("WEBP", "RGBA", lossless=True),
        lambda: saved("WEBP", save_all=True, append_images=[drawing()]),
    ],
)
def test_odd_files_keep_their_pictures(data: Callable[[], bytes]) -> None:
    whole = data()
    plain = without_personal(whole)
    assert SECRET.encode() not in plain
    with Image.open(io.BytesIO(whole)) as before, Image.open(io.BytesIO(plain)) as after:
        assert (before.mode, before.size) == (after.mode, after.size)
        assert getattr(before, "n_frames", 1) == getattr(after, "n_frames", 1)
    assert np.array_equal(np.asarray(open_picture(plain)), np.asarray(open_picture(whole)))


def test_the_second_picture_of_a_phone_s_file_goes_with_its_own_metadata() -> None:
    first, second = saved("JPEG", progressive=True), saved("JPEG")
    plain = without_personal(first + second)
    assert plain == without_personal(first) and SECRET.encode() not in plain


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_file_that_is_cut_off_anywhere_is_left_to_whoever_decodes_it(kind: str) -> None:
    whole = saved(kind)
    for end in range(0, len(whole) - 1, 37):
        cut = whole[:end]
        assert without_personal(cut) in (cut, without_personal(whole))


def test_other_files_are_left_as_they_are() -> None:
    assert [without_personal(data) for data in (b"", b"GIF89a", b"\xff\xd8", b"RIFF\0\0\0\0WEBP")] == [
        b"",
        b"GIF89a",
        b"\xff\xd8",
        b"RIFF\0\0\0\0WEBP",
    ]


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("turned", range(1, 9))
def test_an_infotext_written_into_a_turned_photo_leaves_it_turned(kind: str, turned: int) -> None:
    data = saved(kind, turned=turned)
    written = write_infotext(data, "a cat\nSteps: 3, Seed: 5")
    assert read_infotext(written) == "a cat\nSteps: 3, Seed: 5"
    assert np.array_equal(np.asarray(open_picture(written)), np.asarray(open_picture(data)))


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\xff\xd8", b"RIFF\0\0\0\0WEBP", saved("PNG")[:-9]])
def test_what_cannot_be_taken_apart_is_said_to_be_so(data: bytes) -> None:
    assert stripped(data) is None
