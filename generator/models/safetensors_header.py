"""The header of a safetensors file, read and checked before a single weight is touched. No torch.

Layout: 8 bytes little-endian length N, N bytes of JSON (`name -> {dtype, shape, data_offsets}`), then
the tensors' bytes without gaps. A hostile file can lie in every one of these, so all of them are checked.
"""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from generator.errors import ModelRefused

HEADER_LIMIT = 16 * 1024 * 1024  # bytes; SDXL checkpoints have about 0.4 MB
TENSOR_LIMIT = 100_000
_RANK_LIMIT = 8
_DTYPE_BYTES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
}
_METADATA = "__metadata__"
# A million braces would let the JSON parser build a structure far larger than the text.
_TOO_DEEP = re.compile(rb"[\[{][\s]*[\[{][\s]*[\[{][\s]*[\[{]")


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One entry of the header."""

    dtype: str
    """As written, e.g. `F16`."""
    shape: tuple[int, ...]
    start: int = field(default=0, compare=False)
    """Byte offset from the first tensor."""


@dataclass(frozen=True, slots=True)
class SafetensorsHeader:
    """A header that agrees with its file."""

    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str]
    """`__metadata__`; empty when the file has none."""
    data_start: int
    """Byte offset of the first tensor."""


def read_header(path: Path) -> SafetensorsHeader:
    """Read and check the header of `path`; reads no weights and never more than `HEADER_LIMIT`.

    Raises:
        ModelRefused: code `safetensors_invalid`, the detail says what is wrong.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        prefix = file.read(8)
        if len(prefix) < 8:
            raise _invalid(path, "it is shorter than 8 bytes")
        (length,) = struct.unpack("<Q", prefix)
        if not 2 <= length <= min(HEADER_LIMIT, size - 8):
            raise _invalid(path, f"its header says it is {length} bytes long")
        raw = file.read(length)
    entries = _parse(path, raw)
    metadata = _metadata(path, entries.pop(_METADATA, {}))
    if len(entries) > TENSOR_LIMIT:
        raise _invalid(path, f"it holds {len(entries)} tensors; the limit is {TENSOR_LIMIT}")
    tensors = _check_tensors(path, entries, size - 8 - length)
    return SafetensorsHeader(tensors, metadata, 8 + length)


def _parse(path: Path, raw: bytes) -> dict[str, Any]:
    if not raw.startswith(b"{") or _TOO_DEEP.search(raw):
        raise _invalid(path, "its header is no flat JSON object")

    def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise _invalid(path, "its header names something twice")
        return found

    try:
        entries = json.loads(raw, object_pairs_hook=no_duplicates)
    except (ValueError, RecursionError) as bad:
        raise _invalid(path, "its header is not JSON") from bad
    if not isinstance(entries, dict):
        raise _invalid(path, "its header is no JSON object")
    return entries


def _metadata(path: Path, found: object) -> dict[str, str]:
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise _invalid(path, "its metadata is not a table of texts")
    return {str(k): v for k, v in found.items()}


def _check_tensors(path: Path, entries: dict[str, Any], data_bytes: int) -> dict[str, TensorInfo]:
    tensors: dict[str, TensorInfo] = {}
    spans: list[tuple[int, int]] = []
    for name, entry in entries.items():
        info, span = _check_tensor(path, name, entry)
        tensors[name] = info
        spans.append(span)
    end = 0
    for first, last in sorted(spans):
        if first != end:
            raise _invalid(path, "its tensors overlap or leave gaps")
        end = last
    if end != data_bytes:
        raise _invalid(
            path, f"its tensors end at byte {end} of {data_bytes}: it is cut off or has something behind them"
        )
    return tensors


def _check_tensor(path: Path, name: str, entry: object) -> tuple[TensorInfo, tuple[int, int]]:
    if not isinstance(entry, dict) or not isinstance(entry.get("dtype"), str):
        raise _invalid(path, f"tensor {name[:80]!r} is not described")
    dtype = entry["dtype"]
    shape: Any = entry.get("shape")
    offsets: Any = entry.get("data_offsets")
    if dtype not in _DTYPE_BYTES:
        raise _invalid(path, f"tensor {name[:80]!r} has the unknown dtype {dtype[:20]!r}")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2 or len(shape) > _RANK_LIMIT:
        raise _invalid(path, f"tensor {name[:80]!r} has no proper shape or place")
    count = 1
    for side in shape:
        count *= side
    if count * _DTYPE_BYTES[dtype] != offsets[1] - offsets[0]:
        raise _invalid(path, f"tensor {name[:80]!r} does not fill its place")
    return TensorInfo(dtype, tuple(shape), offsets[0]), (offsets[0], offsets[1])


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 2**62 for v in values)


def _invalid(path: Path, reason: str) -> ModelRefused:
    refused = ModelRefused(
        f"{path.name} is no usable safetensors file: {reason}. Download it again.", file=path.name, reason=reason
    )
    refused.with_code("safetensors_invalid")
    return refused
