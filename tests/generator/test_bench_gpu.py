"""The GPU bench runs its logic on a CPU too, and knows a wrong answer when it sees one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

PATH = Path(__file__).parents[2] / "bench" / "gpu.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_gpu", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_gpu"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.soak
def test_sdxl_is_drawn_as_diffusers_draws_it_and_the_picture_counts(bench: ModuleType) -> None:
    rows = bench.run("cpu", 2, 1, ["G3"])
    assert rows["G3"]["psnr_db"] >= bench.SAME_DB
    assert rows["G3"]["ours_ms"] > 0 and rows["G3"]["diffusers_ms"] > 0


@pytest.mark.soak
def test_interrogation_says_what_clip_interrogator_says(bench: ModuleType) -> None:
    row = bench.run("cpu", 1, 1, ["G6"])["G6"]
    assert row["is_same_string"] is True and row["ours_ms"] > 0


@pytest.mark.soak
def test_its_rows_run_with_tiny_shapes_and_their_answers_agree(bench: ModuleType) -> None:
    rows = bench.run("cpu", 1, 1, ["G5", "G7", "G8"])
    assert set(rows) == {"G5", "G7", "G8"}
    assert rows["G7"]["drift"] == 0.0 and rows["G7"]["modules"] > 0
    assert rows["G5"]["ours_ms"] > 0
    assert bench.void(rows) == []


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ({"G1": {"psnr_db": 12.0}}, ["G1"]),
        ({"G7": {"drift": 1e-6}}, ["G7"]),
        ({"G6": {"is_same_string": False}}, ["G6"]),
        ({"G10": {"deterministic_is_bit_equal": False, "plain_psnr_db": 60.0}}, ["G10"]),
        ({"G10": {"deterministic_is_bit_equal": True, "plain_psnr_db": 20.0}}, ["G10"]),
        ({"G1": {"psnr_db": 60.0}, "G8": {"skipped": "x"}}, []),
    ],
)
def test_a_row_whose_answers_differ_is_void(bench: ModuleType, rows: dict, wrong: list[str]) -> None:
    assert bench.void(rows) == wrong


def test_equal_pictures_have_the_highest_ratio(bench: ModuleType) -> None:
    picture = np.full((4, 4, 3), 100)
    assert bench.psnr(picture, picture) == 99.0
    assert bench.psnr(picture, picture + 1) == 48.1
