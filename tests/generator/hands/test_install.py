import zipfile
from pathlib import Path

import pytest

from generator.errors import ModelRefused
from generator.hands.install import LANDMARK_FILE, PALM_FILE, install_from_wheel, is_installed


def test_the_wheel_gives_both_networks(hand_wheel: Path, tmp_path: Path) -> None:
    paths = install_from_wheel(hand_wheel, tmp_path / "hands")
    assert [p.name for p in paths] == [PALM_FILE, LANDMARK_FILE]
    assert is_installed(tmp_path / "hands")


def test_another_archive_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    wheel = tmp_path / "mediapipe-0.10.21-fake.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"mediapipe/modules/palm_detection/{PALM_FILE}", b"x" * 2_339_846)
    with pytest.raises(ModelRefused, match="another SHA-256") as told:
        install_from_wheel(wheel, tmp_path / "hands")
    assert told.value.stable_code == "hand_wheel_wrong"
    assert list((tmp_path / "hands").iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_wheel_is_refused(tmp_path: Path, content: bytes) -> None:
    wheel = tmp_path / "some.whl"
    wheel.write_bytes(content)
    with pytest.raises(ModelRefused, match="is not in it"):
        install_from_wheel(wheel, tmp_path)


def test_a_wheel_with_other_sizes_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    wheel = tmp_path / "some.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"mediapipe/modules/palm_detection/{PALM_FILE}", b"short")
    with pytest.raises(ModelRefused, match="5 bytes instead of"):
        install_from_wheel(wheel, tmp_path)
