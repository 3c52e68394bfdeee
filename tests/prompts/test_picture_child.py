"""Decoding apart: the same pictures and refusals, and a child that cannot take the parent along."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
from PIL import Image

from prompts.errors import PictureError
from prompts.picture_child import DecodeLimits, open_picture_apart
from prompts.pictures import open_picture


def png(size: tuple[int, int] = (64, 48), mode: str = "RGBA") -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (size[1] // 8, size[0] // 8, 4), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize(size, Image.Resampling.NEAREST).convert(mode).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def test_the_child_gives_the_same_pixels() -> None:
    apart, here = open_picture_apart(png()), open_picture(png())
    assert (apart.mode, apart.size) == (here.mode, here.size)
    assert np.array_equal(np.asarray(apart), np.asarray(here))


def test_the_largest_allowed_picture_fits_the_childs_memory() -> None:
    assert open_picture_apart(png((5000, 5000))).size == (5000, 5000)


@pytest.mark.parametrize("keep", [0.3, 0.8])
def test_the_childs_refusal_comes_back_with_its_code(keep: float) -> None:
    data = png()
    with pytest.raises(PictureError, match="cut off") as refused:
        open_picture_apart(data[: int(len(data) * keep)])
    assert refused.value.stable_code == "image_truncated"


def test_a_header_fault_starts_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prompts.picture_child.subprocess.run", None)
    with pytest.raises(PictureError) as refused:
        open_picture_apart(b"GIF89a")
    assert refused.value.stable_code == "image_format_not_allowed"


@pytest.mark.parametrize(
    "limits",
    [DecodeLimits(memory_mib=200), DecodeLimits(wall_seconds=0.01)],
    ids=["memory", "wall clock"],
)
def test_a_child_that_reaches_a_limit_is_a_refusal(limits: DecodeLimits) -> None:
    started = time.monotonic()
    with pytest.raises(PictureError, match="could not be decoded within") as refused:
        open_picture_apart(png((5000, 5000)), limits)
    assert refused.value.stable_code == "image_invalid"
    assert time.monotonic() - started < 30


def test_the_child_sees_no_environment_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    seen: dict[str, object] = {}
    real = subprocess.run

    def spy(*args: object, **kwargs: object) -> object:
        seen.update(kwargs)
        return real(*args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setattr("prompts.picture_child.subprocess.run", spy)
    open_picture_apart(png())
    assert seen["env"] == {"OPENBLAS_NUM_THREADS": "1"}
