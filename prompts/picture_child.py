"""Decoding in a process of its own: a hostile file can waste a bounded child, never the server.

The child gets the bytes on its standard input and nothing else: no environment, no arguments that came
from outside, limited memory, processor time and file size. It answers with raw pixels or a refusal.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from prompts.errors import PictureError
from prompts.pictures import REMARKS, check_header, open_picture, remarks

_PACKAGE_PARENT = str(Path(__file__).resolve().parent.parent)
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from prompts.picture_child import child_main; child_main()"
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What a child may use."""

    cpu_seconds: int = 5
    memory_mib: int = 1024
    """Address space of the whole child, its interpreter and libraries included."""
    wall_seconds: float = 30.0


def open_picture_apart(data: bytes, limits: DecodeLimits | None = None) -> Image.Image:
    """As `prompts.pictures.open_picture`, but decoded in a bounded child process (about 0.2 s more).

    Header faults are refused without starting a child. On systems without resource limits (Windows) only
    the wall clock bounds the child.

    Raises:
        PictureError: As `open_picture`; code `image_invalid` when the child used up its limits or died.
    """
    check_header(data)
    allowed = limits or DecodeLimits()
    order = json.dumps({"cpu_seconds": allowed.cpu_seconds, "memory_bytes": allowed.memory_mib * _MIB}).encode()
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _BOOT, _PACKAGE_PARENT],
            input=order + b"\n" + data,
            capture_output=True,
            timeout=allowed.wall_seconds,
            env={"OPENBLAS_NUM_THREADS": "1"},  # each of its threads would reserve address space
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired as slow:
        raise _gave_up(allowed) from slow
    head, _, pixels = done.stdout.partition(b"\n")
    if done.returncode != 0 or not head:
        raise _gave_up(allowed)
    return _picture(json.loads(head), pixels)


def child_main() -> None:
    """The child's side: limits from the first line of standard input, the picture from the rest."""
    order, _, data = sys.stdin.buffer.read().partition(b"\n")
    _limit(**json.loads(order))
    try:
        picture = open_picture(data)
    except PictureError as refused:
        answer: dict[str, Any] = {"code": refused.stable_code, "detail": refused.detail, "facts": refused.facts}
        pixels = b""
    else:
        answer, pixels = {"size": picture.size, REMARKS: remarks(picture)}, picture.tobytes()
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + pixels)


def _limit(cpu_seconds: int, memory_bytes: int) -> None:
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ModuleNotFoundError:
        return
    for kind, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def _picture(answer: dict[str, Any], pixels: bytes) -> Image.Image:
    if "code" in answer:
        refusal = PictureError(answer["detail"], **answer["facts"])
        refusal.with_code(answer["code"])
        raise refusal
    picture = Image.frombytes("RGB", tuple(answer["size"]), pixels)
    picture.info = {REMARKS: tuple(answer[REMARKS])} if answer[REMARKS] else {}
    return picture


def _gave_up(limits: DecodeLimits) -> PictureError:
    return PictureError(
        f"The image could not be decoded within {limits.cpu_seconds} s and {limits.memory_mib} MiB. "
        "Save it as a plain PNG or JPEG and send it again.",
        limit={"cpu_seconds": limits.cpu_seconds, "memory_mib": limits.memory_mib},
    )
