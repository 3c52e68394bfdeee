"""Folders of pictures: order, batches, and bad files among good ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from prompts.errors import UnknownName
from prompts.interrogation.clip_model_interrogator import ClipInterrogator, LoadedClip
from prompts.interrogation.files import interrogate_files, pictures_in
from prompts.interrogation.measured_interrogator import MeasuredInterrogator
from prompts.interrogation.terms import TermList
from prompts.interrogation.towers import ClipTowers


@pytest.fixture
def folder(tmp_path: Path, photo: Callable[[int], Image.Image]) -> Path:
    """Eleven files, of which three are no pictures."""
    for number in range(8):
        photo(number).save(tmp_path / f"{number:02}.{'jpg' if number % 2 else 'PNG'}")
    (tmp_path / "03b.png").write_bytes(b"not a picture")
    (tmp_path / "05b.webp").write_bytes(b"")
    whole = (tmp_path / "06.PNG").read_bytes()
    (tmp_path / "09.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "sub.png").mkdir()
    return tmp_path


def test_one_bad_file_does_not_stop_the_others(
    folder: Path, tiny_towers: ClipTowers, tiny_lists: tuple[TermList, ...]
) -> None:
    clip = ClipInterrogator(lambda: LoadedClip(tiny_towers, tiny_lists), "random")
    shares: list[float] = []
    for interrogator in (clip, MeasuredInterrogator()):
        shares.clear()
        results = list(interrogate_files(pictures_in(folder), interrogator, "tags", lambda f, s: shares.append(f)))
        assert [r.file for r in results] == pictures_in(folder)
        codes = {r.file.name: r.error.stable_code for r in results if r.error}
        assert codes == {
            "03b.png": "image_format_not_allowed",
            "05b.webp": "image_empty",
            "09.png": "image_truncated",
        }
        assert all((r.found is None) is (r.error is not None) for r in results)
        assert shares == [8 / 11, 1.0]


def test_a_file_gives_what_it_gives_alone(
    folder: Path, tiny_towers: ClipTowers, tiny_lists: tuple[TermList, ...], photo: Callable[[int], Image.Image]
) -> None:
    clip = ClipInterrogator(lambda: LoadedClip(tiny_towers, tiny_lists), "random")
    by_name = {r.file.name: r.found for r in interrogate_files(pictures_in(folder), clip, "fast")}
    together, alone = by_name["04.PNG"], clip.interrogate(photo(4), "fast")
    assert together is not None
    assert together.prompt == alone.prompt


def test_a_file_that_is_gone_is_a_result_too(tmp_path: Path) -> None:
    (result,) = interrogate_files([tmp_path / "gone.png"], MeasuredInterrogator())
    assert result.error is not None
    assert "gone.png" in result.error.detail
    assert str(tmp_path) not in result.error.detail


def test_no_files_give_no_results(tmp_path: Path) -> None:
    assert list(interrogate_files(pictures_in(tmp_path), MeasuredInterrogator())) == []


def test_an_unknown_mode_is_an_error_of_the_call(folder: Path) -> None:
    with pytest.raises(UnknownName):
        list(interrogate_files(pictures_in(folder), MeasuredInterrogator(), "nonsense"))
