"""The table of good and bad pictures: what is refused, with which code, and what comes out of the rest."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from prompts.errors import PictureError, SpellwrightError
from prompts.pictures import MAX_BYTES, base64_picture, open_picture


def drawn(size: tuple[int, int] = (40, 24), mode: str = "RGB") -> Image.Image:
    width, height = size
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    pixels = np.stack([x * 255 // max(1, width - 1), y * 255 // max(1, height - 1), np.full_like(x, 90)], axis=-1)
    return Image.fromarray(pixels.astype(np.uint8)).convert(mode)


def encoded(picture: Image.Image, format_name: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format_name, **options)
    return buffer.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + struct.pack(">I", 0)
        + b"IDAT"
        + struct.pack(">I", zlib.crc32(b"IDAT"))
    )


def jpeg_claiming(width: int, height: int) -> bytes:
    data = bytearray(encoded(drawn(), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def with_flipped_byte(data: bytes, marker: bytes) -> bytes:
    at = data.index(marker) + len(marker) + 6
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def code_of(data: bytes) -> str:
    with pytest.raises(PictureError) as refused:
        open_picture(data)
    return refused.value.stable_code


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "image_empty"),
    "PNG of no width": (lambda: png_claiming(0, 9), "image_empty"),
    "one pixel under the least side": (lambda: encoded(drawn((15, 40))), "image_too_small"),
    "one pixel": (lambda: encoded(drawn((1, 1))), "image_too_small"),
    "a line": (lambda: encoded(drawn((1, 8192))), "image_too_small"),
    "PNG header of 50,000 squared": (lambda: png_claiming(50_000, 50_000), "image_too_many_pixels"),
    "JPEG header of 65,535 squared": (lambda: jpeg_claiming(65_535, 65_535), "image_too_many_pixels"),
    "a side over the limit": (lambda: png_claiming(8193, 100), "image_too_many_pixels"),
    "more bytes than the limit": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(MAX_BYTES), "image_too_large"),
    "GIF": (lambda: encoded(drawn(), "GIF"), "image_format_not_allowed"),
    "BMP": (lambda: encoded(drawn(), "BMP"), "image_format_not_allowed"),
    "TIFF": (lambda: encoded(drawn(), "TIFF"), "image_format_not_allowed"),
    "ICO": (lambda: encoded(drawn(), "ICO"), "image_format_not_allowed"),
    "SVG": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "image_format_not_allowed"),
    "HTML": (lambda: b"<!doctype html><p>hi", "image_format_not_allowed"),
    "plain text": (lambda: b"a picture of a cat", "image_format_not_allowed"),
    "PNG magic alone": (lambda: b"\x89PNG\r\n\x1a\n", "image_truncated"),
    "PNG without pixels": (lambda: png_claiming(20, 20), "image_truncated"),
    "PNG with a wrong checksum": (lambda: with_flipped_byte(encoded(drawn()), b"IDAT"), "image_truncated"),
    "JPEG magic alone": (lambda: b"\xff\xd8\xff", "image_truncated"),
    "WebP magic alone": (lambda: b"RIFF\x00\x00\x00\x00WEBP", "image_truncated"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_every_bad_picture_is_refused_with_its_own_code(name: str) -> None:
    make, code = REFUSED[name]
    assert code_of(make()) == code


def test_the_refusal_says_what_arrived_and_what_to_send() -> None:
    with pytest.raises(PictureError, match=r"This is a GIF file\. Send PNG, JPEG or WebP\."):
        open_picture(encoded(drawn(), "GIF"))


@pytest.mark.parametrize("format_name", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("twentieths", range(1, 20))
def test_a_file_cut_anywhere_is_never_a_half_grey_picture(format_name: str, twentieths: int) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8))
    data = encoded(noise, format_name)
    assert code_of(data[: len(data) * twentieths // 20]) == "image_truncated"


@pytest.mark.parametrize("side", [16, 17])
def test_the_least_side_is_accepted(side: int) -> None:
    assert open_picture(encoded(drawn((side, 64)))).size == (side, 64)


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "LA", "RGBA"])
def test_png_modes_come_out_as_rgb_without_metadata(mode: str) -> None:
    opened = open_picture(encoded(drawn(mode="RGBA" if mode == "LA" else mode).convert(mode)))
    assert (opened.mode, opened.size, opened.info) == ("RGB", (40, 24), {})


def test_pixels_survive_unchanged() -> None:
    assert np.array_equal(np.asarray(open_picture(encoded(drawn()))), np.asarray(drawn()))


def test_transparent_pixels_become_white_and_half_transparent_ones_lighter() -> None:
    picture = Image.new("RGBA", (20, 20), (200, 0, 0, 0))
    picture.paste((200, 0, 0, 128), (0, 0, 10, 20))
    opened = open_picture(encoded(picture))
    assert opened.getpixel((15, 5)) == (255, 255, 255)
    assert np.allclose(opened.getpixel((5, 5)), (227, 127, 127), atol=2)


def test_a_transparent_palette_entry_becomes_white() -> None:
    picture = Image.new("P", (20, 20), 1)
    picture.putpalette([0, 0, 0, 10, 200, 30] + [0] * 762)
    picture.paste(0, (0, 0, 10, 20))
    opened = open_picture(encoded(picture, transparency=0))
    assert opened.getpixel((5, 5)) == (255, 255, 255)
    assert opened.getpixel((15, 5)) == (10, 200, 30)


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 64 * 32).reshape(32, 64).astype(np.uint16)
    opened = np.asarray(open_picture(encoded(Image.fromarray(ramp))))
    assert np.abs(opened[..., 0].astype(int) - np.rint(ramp / 257).astype(int)).max() <= 1


def test_cmyk_jpeg_is_converted() -> None:
    opened = open_picture(encoded(Image.new("CMYK", (32, 32), (0, 255, 255, 0)), "JPEG", quality=95))
    red, green, blue = opened.getpixel((16, 16))
    assert red > 200
    assert max(green, blue) < 60


def test_a_wide_gamut_profile_is_converted_and_a_broken_one_ignored() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    expected = np.asarray(drawn())
    for profile in (srgb, b"no profile at all"):
        opened = np.asarray(open_picture(encoded(drawn(), icc_profile=profile)))
        assert np.abs(opened.astype(int) - expected.astype(int)).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_eight_exif_orientations_come_out_upright(orientation: int) -> None:
    upright = drawn()
    inverse = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(inverse[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    opened = open_picture(encoded(stored, "PNG", exif=exif))
    assert np.array_equal(np.asarray(opened), np.asarray(upright))


@pytest.mark.parametrize("orientation", [0, 9, 4711])
def test_an_orientation_that_does_not_exist_is_ignored(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert open_picture(encoded(drawn(), "PNG", exif=exif)).size == (40, 24)


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (32, 32), c) for c in ("red", "blue", "lime")]
    for format_name in ("WEBP", "PNG"):
        data = encoded(frames[0], format_name, save_all=True, append_images=frames[1:], lossless=True)
        assert open_picture(data).getpixel((9, 9)) == (255, 0, 0)


def test_a_picture_with_a_tail_is_read_without_it() -> None:
    assert open_picture(encoded(drawn()) + b"PK\x03\x04 and a zip behind it").size == (40, 24)


def test_a_text_chunk_that_blows_up_is_refused() -> None:
    body = b"zTXt" + b"Comment\x00\x00" + zlib.compress(bytes(64 * 2**20))
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    data = encoded(drawn())
    assert code_of(data[:33] + chunk + data[33:]) == "metadata_too_large"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF1234WEBPVP8X"]))
def test_random_bytes_are_refused_and_never_crash(data: bytes, magic: bytes) -> None:
    with pytest.raises(PictureError):
        open_picture(magic + data)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 255), st.sampled_from(["PNG", "JPEG", "WEBP"]))
def test_one_damaged_byte_gives_a_picture_or_a_refusal(at: int, change: int, format_name: str) -> None:
    data = bytearray(encoded(drawn(), format_name))
    data[at % len(data)] ^= change
    try:
        opened = open_picture(bytes(data))
    except SpellwrightError as refused:
        assert refused.stable_code.startswith(("image_", "metadata_"))
    else:
        assert opened.mode == "RGB"


BASE64_FORMS: dict[str, Callable[[bytes], str]] = {
    "plain": lambda d: base64.b64encode(d).decode(),
    "URL-safe": lambda d: base64.urlsafe_b64encode(d).decode(),
    "without padding": lambda d: base64.b64encode(d).decode().rstrip("="),
    "with line ends": lambda d: base64.encodebytes(d).decode(),
    "data URL": lambda d: "data:image/png;base64," + base64.b64encode(d).decode(),
    "data URL with parameters": lambda d: "data:image/png;name=a.png;base64," + base64.b64encode(d).decode(),
    "data URL without a type": lambda d: "data:;base64," + base64.b64encode(d).decode(),
}


@pytest.mark.parametrize("form", BASE64_FORMS)
def test_every_common_form_of_base64_gives_the_same_bytes(form: str) -> None:
    data = encoded(drawn((17, 19)))
    assert base64_picture(BASE64_FORMS[form](data)) == data


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "base64_invalid"),
        ("   ", "base64_invalid"),
        ("!!!!", "base64_invalid"),
        ("Zm9v===Zm9v", "base64_invalid"),
        ("A", "base64_invalid"),
        ("data:text/html;base64,Zm9v", "base64_invalid"),
        ("data:image/png;base64,data:image/png;base64,Zm9v", "base64_invalid"),
        ("A" * (30 * 2**20), "image_too_large"),
    ],
)
def test_what_is_no_base64_picture_is_refused(text: str, code: str) -> None:
    with pytest.raises(PictureError) as refused:
        base64_picture(text)
    assert refused.value.stable_code == code


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_decoded_or_refused(text: str) -> None:
    try:
        assert isinstance(base64_picture(text), bytes)
    except PictureError as refused:
        assert refused.stable_code == "base64_invalid"
