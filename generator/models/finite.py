"""Whether the weights of a safetensors file are numbers, told from their bits. No torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from generator.errors import ModelRefused
from generator.models.safetensors_header import read_header

_BLOCK = 1 << 22  # numbers looked at together
_EXPONENTS = {
    "F16": (np.uint16, 0x7C00),
    "BF16": (np.uint16, 0x7F80),
    "F32": (np.uint32, 0x7F800000),
    "F64": (np.uint64, 0x7FF0000000000000),
}
"""Unsigned type and exponent bits of each format; all of them set means infinite or not a number."""


def check_finite(path: Path) -> None:
    """Read every weight once; formats of 8 bits and whole numbers pass.

    Raises:
        ModelRefused: code `model_not_finite`, or `safetensors_invalid`.
        OSError: The file cannot be read.
    """
    header = read_header(path)
    for name, info in header.tensors.items():
        count = int(np.prod(info.shape, dtype=np.int64))
        if info.dtype in _EXPONENTS and not _is_finite(path, header.data_start + info.start, count, info.dtype):
            refused = ModelRefused(
                f"{path.name} holds weights that are not numbers (first: {name}). Download it again.",
                file=path.name,
                key=name,
            )
            refused.with_code("model_not_finite")
            raise refused


def _is_finite(path: Path, start: int, count: int, dtype: str) -> bool:
    kind, exponent = _EXPONENTS[dtype]
    for at in range(0, count, _BLOCK):
        size = min(_BLOCK, count - at)
        bits = np.fromfile(path, kind, size, offset=start + at * np.dtype(kind).itemsize)
        if bool(((bits & kind(exponent)) == exponent).any()):
            return False
    return True
