"""The hand detector: palm and hand-landmark networks in TensorFlow Lite files, run by `ai-edge-litert`.

The only file that imports it. The networks are MediaPipe's (Apache-2.0); `generator.hands.install` puts
them in place.
"""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from generator.errors import ModelMissing
from generator.events import Picture
from generator.hands.anatomy import anatomy_score
from generator.hands.hand import LANDMARKS, Box, Hand
from generator.hands.install import LANDMARK_FILE, PALM_FILE
from generator.hands.palms import INPUT_SIDE, Floats, Palm, palms_of
from generator.hands.region import Region, region_of

_LANDMARK_SIDE = 224  # pixels of the landmark network's square input
_MOST_HANDS = 8


class TfliteHandDetector:
    """Finds hands with two small networks on the CPU: about 40 ms a picture with one hand. One thread only."""

    def __init__(self, folder: Path, palm_threshold: float = 0.4, presence_threshold: float = 0.2) -> None:
        """Open the networks.

        Args:
            folder: Holds `PALM_FILE` and `LANDMARK_FILE`.
            palm_threshold: Least score of a palm; 0..1.
            presence_threshold: Least presence of a hand; 0..1. Low, because a badly drawn hand is what is sought.

        Raises:
            ModelMissing: code `hand_detector_missing`; the files or the package are not there.
        """
        self._palm_network = _open(folder / PALM_FILE)
        self._landmark_network = _open(folder / LANDMARK_FILE)
        self._palm_threshold = palm_threshold
        self._presence_threshold = presence_threshold

    def find(self, picture: Picture) -> tuple[Hand, ...]:
        """See `HandDetector.find`; at most eight."""
        image = Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)
        square = max(image.size)
        left, top = (image.width - square) / 2, (image.height - square) / 2
        palms = self._palms(Region(image.width / 2, image.height / 2, square, 0.0).crop(image, INPUT_SIDE))
        hands = [self._hand(image, region_of(palm, square, left, top)) for palm in palms[:_MOST_HANDS]]
        found = [hand for hand in hands if hand is not None]
        return tuple(sorted(_distinct(found), key=lambda h: -h.box.width * h.box.height))

    def _palms(self, image: Image.Image) -> tuple[Palm, ...]:
        regressors, logits = _run(self._palm_network, image)
        if logits.shape[-1] != 1:
            regressors, logits = logits, regressors
        return palms_of(regressors[0], logits[0, :, 0], self._palm_threshold)

    def _hand(self, picture: Image.Image, region: Region) -> Hand | None:
        """The hand in a region, or `None` when the landmark network sees none there."""
        points, presence, right, _ = _run(self._landmark_network, region.crop(picture, _LANDMARK_SIDE))
        if float(presence[0, 0]) < self._presence_threshold:
            return None
        flat = points.reshape(LANDMARKS, 3)
        landmarks = tuple(region.to_picture(float(x), float(y), _LANDMARK_SIDE) for x, y, _ in flat)
        xs, ys = [x for x, _ in landmarks], [y for _, y in landmarks]
        box = Box(min(xs), min(ys), max(xs), max(ys))
        # The network was taught on selfies, which are mirrored.
        is_right = float(right[0, 0]) < 0.5
        return Hand(box, landmarks, float(presence[0, 0]), anatomy_score(landmarks), is_right)


def _open(path: Path) -> Any:
    """An interpreter of a network file."""
    try:
        litert = importlib.import_module("ai_edge_litert.interpreter")
    except ImportError as missing:
        raise _missing("the package ai-edge-litert is not installed (`pip install spellwright[hands]`)") from missing
    if not path.is_file():
        raise _missing(f"{path.name} is not there (`spellwright models add hands`)")
    try:
        network = litert.Interpreter(model_path=str(path))
        network.allocate_tensors()
    except (ValueError, RuntimeError) as broken:
        raise _missing(f"{path.name} cannot be read (`spellwright models add hands` fetches it anew)") from broken
    return network


def _run(network: Any, image: Image.Image) -> tuple[Floats, ...]:
    """The network's outputs, in its order, for an RGB picture of its size."""
    pixels = np.asarray(image, dtype=np.float32)[None] / 255.0
    network.set_tensor(network.get_input_details()[0]["index"], pixels)
    network.invoke()
    return tuple(network.get_tensor(out["index"]) for out in network.get_output_details())


def _distinct(hands: list[Hand]) -> list[Hand]:
    """Without hands whose middle lies within a quarter of a better one's size: one hand found twice."""
    kept: list[Hand] = []
    for hand in sorted(hands, key=lambda h: -h.presence):
        if all(_distance(hand.box, k.box) > max(k.box.width, k.box.height) / 4 for k in kept):
            kept.append(hand)
    return kept


def _distance(a: Box, b: Box) -> float:
    return math.dist(((a.left + a.right) / 2, (a.top + a.bottom) / 2), ((b.left + b.right) / 2, (b.top + b.bottom) / 2))


def _missing(reason: str) -> ModelMissing:
    error = ModelMissing(f"Hands cannot be looked for: {reason}.", reason=reason)
    error.with_code("hand_detector_missing")
    return error
