from __future__ import annotations

import pytest
import torch

from generator.device import Compute
from generator.errors import GeneratorError, LoraNotFound, OutOfMemory
from generator.failures import as_spellwright_error, is_out_of_memory, not_finite


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"), True),
        (RuntimeError("shape mismatch"), False),
        (ValueError("can't allocate memory"), False),
    ],
)
def test_memory_errors_are_known_by_type_or_by_the_allocators_words(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


def test_own_errors_pass_unchanged() -> None:
    error = LoraNotFound("no such LoRA")
    assert as_spellwright_error(error, (512, 512)) is error


def test_out_of_memory_names_a_size_that_needs_a_quarter() -> None:
    told = as_spellwright_error(MemoryError(), (2048, 1100))
    assert isinstance(told, OutOfMemory)
    assert told.facts["near"] == [1024, 512]
    assert "2048x1100" in told.detail


def test_a_foreign_error_is_told_by_kind_and_kept_as_the_cause() -> None:
    error = KeyError("/root/private/path")
    told = as_spellwright_error(error, (512, 512))
    assert type(told) is GeneratorError
    assert told.__cause__ is error
    assert "private" not in told.detail


def test_a_black_picture_says_what_to_try() -> None:
    assert not_finite().stable_code == "not_finite"
    assert "float32" in not_finite().detail


@pytest.mark.parametrize(
    ("device", "dtype", "sentence"),
    [("gpu", "auto", "unknown"), ("cpu", "float8", "dtype"), ("tpu:0", "auto", "unknown")],
)
def test_an_unknown_device_or_dtype_stops_the_start(device: str, dtype: str, sentence: str) -> None:
    with pytest.raises(GeneratorError) as refused:
        Compute.resolve(device, dtype)
    assert refused.value.stable_code == "device_unavailable"
    assert sentence in refused.value.detail


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_device_that_is_not_here_stops_the_start() -> None:
    with pytest.raises(GeneratorError, match="not available"):
        Compute.resolve("cuda", "auto")


def test_the_cpu_computes_in_float32_unless_told_otherwise() -> None:
    assert Compute.resolve("cpu", "auto").dtype == torch.float32
    assert Compute.resolve("cpu", "bfloat16").dtype == torch.bfloat16
