"""Folders of photos through the use case: one ranking for many, bad files reported, captions off the device."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
from PIL import Image

from prompts.errors import UnknownName
from prompts.interrogation import Description, Interrogation, MeasuredInterrogator, TermFilter, Wishes
from prompts.interrogation.terms import PUBLISHED_LISTS
from prompts.metadata import png_with_infotext
from prompts.spell import Spell
from service.assembly import build
from service.photo_files import PhotoFile, PhotoFiles
from service.photo_reader import DevicePhotoReader
from service.services import Services
from service.testing import quiet_settings

Got = TypeVar("Got")


class Counting(MeasuredInterrogator):
    """Measures, and remembers what it was asked together."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.wishes: list[Wishes | None] = []

    def interrogate_many(
        self,
        pictures: Sequence[Image.Image],
        mode: str = "fast",
        on_progress: Any = None,
        wishes: Wishes | None = None,
        descriptions: Sequence[Description] | None = None,
    ) -> list[Interrogation]:
        self.batches.append(len(pictures))
        self.wishes.append(wishes)
        told = descriptions or [None] * len(pictures)
        found = [self.interrogate(p, mode, None, wishes, d) for p, d in zip(pictures, told, strict=True)]
        on_progress(1.0, "done")
        return found


class Eyes:
    """Describes every picture by its width."""

    async def describe(self, picture: Image.Image) -> Description:
        return Description(f"a picture of {picture.width} columns", "eyes")


def use(folder: Path, work: Callable[[Services], Awaitable[Got]]) -> Got:
    async def whole() -> Got:
        async with build(
            quiet_settings(folder, default_checkpoint="demo"), fake_engine=True, own_only=True
        ) as services:
            return await work(services)

    return asyncio.run(whole())


def photos_in(folder: Path, count: int) -> list[Path]:
    files = []
    for number in range(count):
        file = folder / f"{number:02}.jpg"
        Image.linear_gradient("L").convert("RGB").resize((64 + number, 64)).save(file)
        files.append(file)
    return files


def read_all(
    folder: Path, files: list[Path], interrogator: MeasuredInterrogator, describer: Eyes | None = None, **asked: Any
) -> list[PhotoFile]:
    async def work(services: Services) -> list[PhotoFile]:
        reader = DevicePhotoReader(services.engine, lambda: interrogator)
        use_case = PhotoFiles(
            services.library, reader, services.hands.planner, describer, 2**20, lambda: PUBLISHED_LISTS
        )
        return [done async for done in use_case.read(files, **asked)]

    return use(folder, work)


def test_many_files_share_rankings_and_come_back_in_order(tmp_path: Path) -> None:
    files, counting, shares = photos_in(tmp_path, 11), Counting(), []
    done = read_all(tmp_path / "data", files, counting, on_progress=lambda share, stage: shares.append(share))
    assert [d.file for d in done] == files
    assert [d.version.details["interrogation"]["size"][0] for d in done if d.version] == [64 + n for n in range(11)]
    assert counting.batches == [8, 3]
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1.0)


def test_a_bad_file_is_reported_and_an_exact_one_is_not_looked_at(tmp_path: Path) -> None:
    [photo] = photos_in(tmp_path, 1)
    text, torn, empty, gone = (tmp_path / name for name in ("text.jpg", "torn.png", "empty.jpg", "gone.jpg"))
    text.write_text("no picture")
    empty.write_bytes(b"")
    whole = io.BytesIO()
    Image.effect_noise((64, 64), 80).save(whole, "PNG")
    torn.write_bytes(whole.getvalue()[:900])
    exact = tmp_path / "exact.png"
    exact.write_bytes(png_with_infotext(64, 64, bytes(64 * 64 * 3), "a cat\nSteps: 20, Sampler: Euler, Seed: 3"))
    counting = Counting()
    done = read_all(tmp_path / "data", [text, exact, torn, empty, gone, photo], counting)
    codes = [d.error.stable_code if d.error else None for d in done]
    assert codes[0] == "image_format_not_allowed" and codes[2] == "image_truncated" and codes[3] == "image_empty"
    assert codes[4] is not None and "gone.jpg cannot be read" in str(done[4].error)
    assert done[1].version is not None and done[1].version.spell.prompt == "a cat"
    assert done[5].version is not None and codes[1] is None and codes[5] is None
    assert sum(counting.batches) == 1


def test_wishes_and_captions_reach_every_picture(tmp_path: Path) -> None:
    counting = Counting()
    wishes = Wishes("prose", TermFilter(with_artists=False))
    done = read_all(tmp_path / "data", photos_in(tmp_path, 3), counting, Eyes(), wishes=wishes)
    assert counting.wishes == [wishes]
    prompts = [d.version.spell.prompt for d in done if d.version]
    assert [p.split(".")[0] for p in prompts] == [f"A picture of {64 + n} columns" for n in range(3)]


def test_an_unknown_mode_ends_the_whole_before_the_first_file(tmp_path: Path) -> None:
    with pytest.raises(UnknownName):
        read_all(tmp_path / "data", photos_in(tmp_path, 1), Counting(), mode="slow")


def test_no_files_are_no_results(tmp_path: Path) -> None:
    assert read_all(tmp_path / "data", [], Counting()) == []


def test_a_picture_that_may_not_be_made_is_that_files_error_alone(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked.png"
    infotext = "a nude child\nSteps: 20, Sampler: Euler, Seed: 3"
    blocked.write_bytes(png_with_infotext(64, 64, bytes(64 * 64 * 3), infotext))
    done = read_all(tmp_path / "data", [blocked, *photos_in(tmp_path, 1)], Counting())
    assert done[0].error is not None and done[0].error.stable_code == "policy_blocked"
    assert done[1].version is not None
    assert Spell() != done[1].version.spell


def test_a_stored_photo_tells_nothing_about_who_took_it_where(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "Anna's kitchen"
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[29] = "2026:11:23"
    encoded = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((96, 64)).save(encoded, "JPEG", exif=exif)

    async def work(services: Services) -> None:
        job = await services.interrogation.start(encoded.getvalue())
        assert (await services.generation.wait(job.id)).spell_id is not None

    use(tmp_path, work)
    [stored] = tmp_path.glob("**/uploads/**/*.jpg")
    with Image.open(stored) as kept:
        assert dict(kept.getexif()) == {0x0112: 6} and not kept.getexif().get_ifd(0x8825)
    assert b"Anna" not in stored.read_bytes()
