"""Palms from the palm detector's raw output: anchors, boxes, and one palm where many boxes meet.

The network is a single-shot detector (Zhang et al., "MediaPipe Hands", 2020): two anchors a cell at
stride 8 and six at stride 16, all of one size, so that an anchor is only its centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

INPUT_SIDE = 192  # pixels of the network's square input
KEYPOINTS = 7
WRIST, MIDDLE_KNUCKLE = 0, 2  # places among the palm's keypoints
_ANCHORS_BY_STRIDE = ((8, 2), (16, 6))
_MOST_LOGIT = 100.0


@dataclass(frozen=True, slots=True)
class Palm:
    """One palm, in fractions of the network's square input."""

    score: float
    """0..1."""
    centre: tuple[float, float]
    size: tuple[float, float]
    """(width, height)."""
    keypoints: tuple[tuple[float, float], ...]
    """`KEYPOINTS` points (x, y)."""


def anchor_centres() -> Floats:
    """The anchors' centres as fractions, row by row, float32 [2016, 2]."""
    layers = []
    for stride, repeats in _ANCHORS_BY_STRIDE:
        cells = INPUT_SIDE // stride
        middle = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        y, x = np.meshgrid(middle, middle, indexing="ij")
        layers.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), repeats, axis=0))
    return np.concatenate(layers).astype(np.float32)


def palms_of(regressors: Floats, logits: Floats, threshold: float, overlap: float = 0.3) -> tuple[Palm, ...]:
    """The palms, best first.

    Args:
        regressors: [anchors, 18] in pixels of the input: centre offset, size, then seven keypoint offsets.
        logits: [anchors].
        threshold: Least score; 0..1.
        overlap: Boxes that share more than this much of their union are one palm: their mean, weighted
            by score.
    """
    scores = (1.0 / (1.0 + np.exp(-np.clip(logits, -_MOST_LOGIT, _MOST_LOGIT)))).astype(np.float32)
    kept = np.flatnonzero(scores >= threshold)
    if not len(kept):
        return ()
    points = (regressors[kept].reshape(len(kept), -1, 2) / INPUT_SIDE).astype(np.float32)
    centres = anchor_centres()[kept]
    points[:, 0] += centres
    points[:, 2:] += centres[:, None]
    return _merged(points, scores[kept], overlap)


def _merged(points: Floats, scores: Floats, overlap: float) -> tuple[Palm, ...]:
    """Non-maximum suppression that averages what it suppresses."""
    palms = []
    left = np.argsort(-scores, kind="stable")
    while len(left):
        same = _shared(points[left[0]], points[left]) > overlap
        same[0] = True
        group = left[same]
        weight = scores[group] / scores[group].sum()
        mean = (points[group] * weight[:, None, None]).sum(axis=0)
        keypoints = tuple((float(x), float(y)) for x, y in mean[2:])
        palms.append(
            Palm(
                float(scores[group[0]]),
                (float(mean[0, 0]), float(mean[0, 1])),
                (float(mean[1, 0]), float(mean[1, 1])),
                keypoints,
            )
        )
        left = left[~same]
    return tuple(palms)


def _shared(one: Floats, others: Floats) -> Floats:
    """Intersection over union of a box with others; boxes are [centre, size, ...]."""
    low = np.maximum(one[0] - one[1] / 2, others[:, 0] - others[:, 1] / 2)
    high = np.minimum(one[0] + one[1] / 2, others[:, 0] + others[:, 1] / 2)
    both = np.clip(high - low, 0, None).prod(axis=1)
    union = one[1].prod() + others[:, 1].prod(axis=1) - both
    return np.asarray(both / np.maximum(union, 1e-9), dtype=np.float32)
