"""Whether the weights of a safetensors file are numbers, told from their bits. No torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from generator.errors import ModelRefused
from generator.models.safetensors_header import read_header

NOT_FINITE = "model_not_finite"
"""The code of that refusal."""
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
    key = first_not_finite(path)
    if key:
        refused = ModelRefused(not_finite_sentence(path, key), file=path.name, key=key)
        refused.with_code(NOT_FINITE)
        raise refused


def not_finite_sentence(path: Path, key: str) -> str:
    """Why a file is refused whose tensor `key` holds NaN or infinite weights."""
    return f"{path.name} holds weights that are not numbers (first: {key}). Download it again."


def first_not_finite(path: Path) -> str:
    """The first tensor with a weight that is NaN or infinite; empty when all are numbers.

    Raises:
        ModelRefused: code `safetensors_invalid`.
        OSError: The file cannot be read.
    """
    header = read_header(path)
    for name, info in header.tensors.items():
        count = int(np.prod(info.shape, dtype=np.int64))
        if info.dtype in _EXPONENTS and not _is_finite(path, header.data_start + info.start, count, info.dtype):
            return name
    return ""


def _is_finite(path: Path, start: int, count: int, dtype: str) -> bool:
    kind, exponent = _EXPONENTS[dtype]
    for at in range(0, count, _BLOCK):
        size = min(_BLOCK, count - at)
        bits = np.fromfile(path, kind, size, offset=start + at * np.dtype(kind).itemsize)
        if bool(((bits & kind(exponent)) == exponent).any()):
            return False
    return True
