from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from generator.events import Picture

Run = Callable[..., Any]


@pytest.fixture
def hands_there(spellwright: Run, hand_wheel: Path) -> None:
    assert spellwright("models", "add", "hands", "--wheel", str(hand_wheel)).code == 0


def _saved(path: Path, picture: Picture) -> Path:
    Image.frombytes("RGB", (picture.width, picture.height), picture.rgb).save(path)
    return path


def test_pictures_are_ranked_by_their_hands_the_best_first(
    spellwright: Run, hands_there: None, drawn_hand: Callable[..., Picture], tmp_path: Path
) -> None:
    broken = _saved(tmp_path / "broken.png", drawn_hand(3))
    whole = _saved(tmp_path / "whole.png", drawn_hand(5))
    ran = spellwright("hands", str(broken), str(whole), "--json")
    assert [Path(found["picture"]).name for found in ran.value] == ["whole.png", "broken.png"]
    best = ran.value[0]
    assert best["score"] > 0.9
    assert best["hands"][0]["is_right"] is True


def test_a_file_that_is_no_picture_is_reported_and_the_rest_is_done(
    spellwright: Run, hands_there: None, drawn_hand: Callable[..., Picture], tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("no picture", "utf-8")
    ran = spellwright("hands", str(tmp_path / "notes.txt"), str(_saved(tmp_path / "a.png", drawn_hand())))
    assert ran.code == 2
    assert "image_format_not_allowed" in ran.err
    assert "right hand at" in ran.out


def test_another_file_given_as_the_wheel_is_refused(spellwright: Run, tmp_path: Path) -> None:
    (tmp_path / "some.whl").write_bytes(b"no wheel")
    ran = spellwright("models", "add", "hands", "--wheel", str(tmp_path / "some.whl"))
    assert ran.code == 2
    assert "hand_wheel_wrong" in ran.err
