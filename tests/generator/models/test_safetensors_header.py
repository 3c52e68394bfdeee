from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from generator.errors import ModelRefused
from generator.models.safetensors_header import HEADER_LIMIT, TensorInfo, read_header


def _file(path: Path, header: object, data: bytes = b"", length: int | None = None) -> Path:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw) if length is None else length) + raw + data)
    return path


def _entry(shape: list[Any], offsets: list[Any], dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def test_a_file_of_the_safetensors_library_is_read_with_its_metadata(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"x": torch.zeros(2, 3), "y": torch.zeros((), dtype=torch.float16)}, path, {"ss_output_name": "n"})
    header = read_header(path)
    assert header.tensors == {"x": TensorInfo("F32", (2, 3)), "y": TensorInfo("F16", ())}
    assert header.metadata == {"ss_output_name": "n"}
    assert path.stat().st_size == header.data_start + 26


BAD: list[tuple[str, object, bytes, int | None]] = [
    ("header longer than the file", {}, b"", 2**63),
    ("header of length 0", {}, b"", 0),
    ("header one byte too long", {}, b"", 3),
    ("no JSON object", b"[]", b"", None),
    ("a number", b"12", b"", None),
    ("no JSON", b"{oops}", b"", None),
    ("invalid UTF-8", b'{"\xff": 1}', b"", None),
    ("a name twice", b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{}}', b"x", None),
    ("metadata that is no table of texts", {"__metadata__": {"a": 1}}, b"", None),
    ("an entry that is no object", {"a": 1}, b"", None),
    ("an unknown dtype", {"a": _entry([1], [0, 4], "F31")}, b"1234", None),
    ("shape and bytes that differ", {"a": _entry([2], [0, 4])}, b"1234", None),
    ("offsets past the end", {"a": _entry([2], [0, 8])}, b"1234", None),
    ("offsets backwards", {"a": _entry([1], [4, 0])}, b"1234", None),
    ("negative shape", {"a": _entry([-1], [0, 4])}, b"1234", None),
    ("huge shape", {"a": _entry([2**61, 8], [0, 4])}, b"1234", None),
    ("fractional shape", {"a": _entry([1.0], [0, 4])}, b"1234", None),
    ("true as a size", {"a": _entry([True], [0, 4])}, b"1234", None),
    ("no shape", {"a": {"dtype": "F32", "data_offsets": [0, 4]}}, b"1234", None),
    ("three offsets", {"a": _entry([1], [0, 4, 8])}, b"1234", None),
    ("overlap", {"a": _entry([1], [0, 4]), "b": _entry([1], [0, 4])}, b"1234", None),
    ("a gap", {"a": _entry([1], [0, 4]), "b": _entry([1], [8, 12])}, b"123456789012", None),
    ("something behind the tensors", {"a": _entry([1], [0, 4])}, b"1234PK\x03\x04", None),
    ("a tensor of 9 dimensions", {"a": _entry([1] * 9, [0, 4])}, b"1234", None),
    ("deep nesting", b"{" + b'"a":' + b"[" * 5000, b"", None),
]


@pytest.mark.parametrize(("what", "header", "data", "length"), BAD, ids=[b[0] for b in BAD])
def test_a_malformed_file_is_refused_with_a_reason(
    tmp_path: Path, what: str, header: object, data: bytes, length: int | None
) -> None:
    with pytest.raises(ModelRefused) as refused:
        read_header(_file(tmp_path / "bad.safetensors", header, data, length))
    assert refused.value.stable_code == "safetensors_invalid"
    assert refused.value.facts["reason"]
    assert "bad.safetensors" in refused.value.detail


@pytest.mark.parametrize("size", [0, 1, 7])
def test_a_file_too_short_for_a_length_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "short.safetensors"
    path.write_bytes(b"\0" * size)
    with pytest.raises(ModelRefused):
        read_header(path)


def test_a_header_over_the_limit_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "large.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", HEADER_LIMIT + 1))
        file.truncate(HEADER_LIMIT + 100)
    with pytest.raises(ModelRefused, match=str(HEADER_LIMIT + 1)):
        read_header(path)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=200), length=st.none() | st.integers(0, 2**64 - 1))
def test_no_bytes_make_it_fail_in_another_way(tmp_path: Path, raw: bytes, length: int | None) -> None:
    path = _file(tmp_path / "fuzz.safetensors", raw, b"", length)
    try:
        read_header(path)
    except ModelRefused as refused:
        assert refused.stable_code == "safetensors_invalid"


def test_a_pickle_under_the_wrong_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    torch.save({"a": torch.zeros(3)}, path)
    with pytest.raises(ModelRefused):
        read_header(path)
