"""What every test run is set to; a hand drawn here, and the networks that find it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image, ImageDraw, ImageFilter

from generator.events import Picture
from generator.hands.install import install_from_wheel
from generator.hands.tflite_detector import TfliteHandDetector


def pytest_configure() -> None:
    """Pictures are not signed unless a test asks for it: a signature takes time and carries its moment.

    Property tests try the same examples in every run, so that a green tree stays green; `make soak` looks for new
    ones by setting `HYPOTHESIS_PROFILE` to `new`.
    """
    os.environ["SPELLWRIGHT_C2PA"] = "off"
    settings.register_profile("same", derandomize=True, database=None)
    settings.register_profile("new", derandomize=False, print_blob=True)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


WHEELS = Path(__file__).parents[1] / ".venv" / "wheels"
SIDE = 384  # pixels
_FINGERS = ((0.37, 0.53, 0.27, 0.25), (0.455, 0.50, 0.43, 0.15), (0.54, 0.50, 0.56, 0.14), (0.625, 0.53, 0.70, 0.24))


@pytest.fixture(scope="session")
def hand_wheel() -> Path:
    """The wheel that carries the networks; `make test` fetches it."""
    found = sorted(WHEELS.glob("mediapipe-0.10.21-*.whl"))
    if not found:
        pytest.skip("the wheel of mediapipe 0.10.21 is not in .venv/wheels; `make hands` fetches it")
    return found[0]


@pytest.fixture(scope="session")
def hand_networks(hand_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hands")
    install_from_wheel(hand_wheel, folder)
    return folder


@pytest.fixture(scope="session")
def detector(hand_networks: Path) -> TfliteHandDetector:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    return TfliteHandDetector(hand_networks)


@pytest.fixture(scope="session")
def drawn_hand() -> Callable[..., Picture]:
    """Draws an open right palm with some of its fingers, on a plain background."""

    def draw(fingers: int = 5, turned: float = 0.0, width: int = SIDE, left: int = 0) -> Picture:
        hand = Image.fromarray(_shaded(_outline(fingers)))
        hand = hand.rotate(-turned, Image.Resampling.BILINEAR, fillcolor=(120, 140, 160))
        whole = Image.new("RGB", (width, SIDE), (120, 140, 160))
        whole.paste(hand, (left, 0))
        return Picture(width, SIDE, whole.tobytes())

    return draw


def _outline(fingers: int) -> Image.Image:
    big = SIDE * 4
    mask = Image.new("L", (big, big))
    pen = ImageDraw.Draw(mask)
    limbs = [(0.5, 1.02, 0.5, 0.72, 0.10, 0.12), (0.43, 0.68, 0.46, 0.56, 0.12, 0.10)]
    limbs += [(0.57, 0.68, 0.54, 0.56, 0.12, 0.10), (0.42, 0.56, 0.58, 0.56, 0.09, 0.09)]
    limbs += [(*finger, 0.042, 0.034) for finger in _FINGERS[: max(fingers - 1, 0)]]
    limbs += [(0.62, 0.70, 0.82, 0.48, 0.055, 0.036)] if fingers else []
    for x0, y0, x1, y1, r0, r1 in limbs:
        for t in np.linspace(0, 1, 101):
            x, y, r = x0 + (x1 - x0) * t, y0 + (y1 - y0) * t, r0 + (r1 - r0) * t
            pen.ellipse([(x - r) * big, (y - r) * big, (x + r) * big, (y + r) * big], fill=255)
    return mask.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _shaded(mask: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Skin lit from the upper left, so that the fingers are round."""
    inside = np.asarray(mask, dtype=np.float64) / 255
    blurs = [np.asarray(mask.filter(ImageFilter.GaussianBlur(r)), dtype=np.float64) / 255 for r in (3, 6, 12, 20)]
    height = inside * sum(blurs) / len(blurs)
    down, right = np.gradient(height)
    light = np.clip(0.82 + (right * -0.7 + down * -0.9) * SIDE / 18 + (height - 0.7) * 0.5, 0.25, 1.15)
    skin = np.array((224, 172, 140)) * light[..., None] * inside[..., None]
    return np.clip(skin + np.array((120, 140, 160)) * (1 - inside[..., None]), 0, 255).astype(np.uint8)
