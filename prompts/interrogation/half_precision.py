"""Whether half precision is worth it on this processor: a matter of its instructions, so it is measured."""

from __future__ import annotations

import math
from time import perf_counter

import torch
from torch import Tensor

_PROBE_ROWS = 4096


@torch.inference_mode()
def is_half_faster(rows: Tensor) -> bool:
    """Whether a product of `rows` with one vector takes less time in float16 than in float32 on a CPU.

    Args:
        rows: (n, dim) of any float type; at most 4,096 of them are tried. Anywhere but on a CPU: true.
    """
    if rows.device.type != "cpu":
        return True
    probe = rows[:_PROBE_ROWS]
    half, full = probe.half(), probe.float()
    return _seconds(half, half[0]) < _seconds(full, full[0])


def _seconds(matrix: Tensor, vector: Tensor) -> float:
    fastest = math.inf
    for _ in range(3):
        started = perf_counter()
        torch.mv(matrix, vector)
        fastest = min(fastest, perf_counter() - started)
    return fastest
