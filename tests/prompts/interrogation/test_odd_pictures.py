"""A folder with every odd kind of picture: decoded in the bounded child, the bad ones named, the rest read."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from prompts.interrogation.files import FileResult, interrogate_files, pictures_in
from prompts.interrogation.measured_interrogator import MeasuredInterrogator
from prompts.picture_child import open_picture_apart

RED = (200, 20, 30)


def red(size: tuple[int, int] = (96, 64), mode: str = "RGB") -> Image.Image:
    return Image.new("RGB", size, RED).convert(mode)


def written(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    return written(red(), "JPEG", exif=exif)


def sixteen_bit() -> bytes:
    grey = np.linspace(0, 65535, 96 * 64).reshape(64, 96).astype(np.uint16)
    return written(Image.fromarray(grey), "PNG")


def animated(kind: str) -> bytes:
    frames = [Image.new("RGB", (96, 64), colour) for colour in ("blue", "green")]
    return written(red(), kind, save_all=True, append_images=frames)


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


FOUND: dict[str, tuple[Callable[[], bytes], tuple[int, int]]] = {
    "animated.webp": (lambda: animated("WEBP"), (96, 64)),
    "animated.png": (lambda: animated("PNG"), (96, 64)),
    "cmyk.jpg": (lambda: written(red(mode="CMYK"), "JPEG"), (96, 64)),
    "plain.jpg": (lambda: written(red(), "JPEG"), (96, 64)),
    "rotated.jpg": (rotated, (64, 96)),
    "sixteen-bit.png": (sixteen_bit, (96, 64)),
    "smallest.png": (lambda: written(red((16, 16)), "PNG"), (16, 16)),
    "largest.png": (lambda: written(red((8192, 3000), "P"), "PNG"), (8192, 3000)),
}
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "cut.jpg": (lambda: written(Image.effect_noise((96, 64), 90), "JPEG")[:900], "image_truncated"),
    "corrupt.png": (lambda: written(Image.effect_noise((96, 64), 90), "PNG")[:400] + b"\0" * 800, "image_truncated"),
    "empty.png": (lambda: b"", "image_empty"),
    "huge.png": (lambda: written(red((9000, 32), "1"), "PNG"), "image_too_many_pixels"),
    "tiny.png": (lambda: written(red((8, 8)), "PNG"), "image_too_small"),
    "tiff.jpg": (lambda: written(red(), "TIFF"), "image_format_not_allowed"),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileResult]:
    folder = tmp_path_factory.mktemp("odd")
    for name, (make, _) in {**FOUND, **REFUSED}.items():
        (folder / name).write_bytes(make())
    (folder / "notes.txt").write_text("no picture")
    done = interrogate_files(pictures_in(folder), MeasuredInterrogator(), open_bytes=open_picture_apart)
    return {Path(result.file).name: result for result in done}


def test_every_picture_of_the_folder_has_exactly_one_answer(results: dict[str, FileResult]) -> None:
    assert set(results) == set(FOUND) | set(REFUSED)
    assert all((result.found is None) != (result.error is None) for result in results.values())


@pytest.mark.parametrize("name", FOUND)
def test_an_odd_picture_is_read_upright_and_in_its_colours(name: str, results: dict[str, FileResult]) -> None:
    found = results[name].found
    assert found is not None, results[name].error
    assert found.size == FOUND[name][1]
    names = [swatch.name for swatch in found.palette]
    if name == "sixteen-bit.png":
        assert {"black", "white"} <= set(names), "scaled, not clipped to white"
    else:
        assert "red" in names[0], names


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_picture_is_refused_with_its_code(name: str, results: dict[str, FileResult]) -> None:
    error = results[name].error
    assert error is not None
    assert error.stable_code == REFUSED[name][1], error.detail


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (lambda: animated("WEBP"), "an animation of 3 frames"),
        (lambda: animated("PNG"), "an animation of 3 frames"),
        (lambda: written(red(), "PNG", icc_profile=b"no profile at all"), "colour profile cannot be used"),
        (lambda: written(red(mode="L"), "JPEG", icc_profile=srgb()), "colour profile cannot be used"),
    ],
)
def test_what_was_left_aside_of_a_file_is_said(data: Callable[[], bytes], told: str) -> None:
    found = MeasuredInterrogator().interrogate(open_picture_apart(data()))
    assert told in found.notice


def test_of_a_plain_file_or_one_with_a_good_profile_nothing_is_left_aside() -> None:
    for data in (written(red(), "PNG"), written(red(), "JPEG", icc_profile=srgb()), rotated(), sixteen_bit()):
        assert MeasuredInterrogator(notice="").interrogate(open_picture_apart(data)).notice == ""


def test_a_link_that_leads_nowhere_is_named_and_a_folder_called_like_a_picture_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing.jpg")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "plain.png").write_bytes(written(red(), "PNG"))
    done = list(interrogate_files(pictures_in(tmp_path), MeasuredInterrogator()))
    assert [(result.file.name, result.error is None) for result in done] == [("gone.jpg", False), ("plain.png", True)]
