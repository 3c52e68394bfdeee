"""Checkpoints and LoRAs whose files are damaged: a typed error that names the file, and the others are drawn (F09)."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from generator.config import EngineConfig, ModelFolders
from generator.demo.family import DemoFamily
from generator.device import Compute
from generator.engine import Engine
from generator.errors import GeneratorError
from generator.events import Failed, ImageReady
from generator.models.entries import ModelEntry
from generator.models.resident import open_checkpoint
from generator.models.weights import read_weights

CPU = Compute.resolve("cpu", "float32")
HEADER = 600  # bytes at the beginning, where the names and places of the tensors are


def flips(data: bytes, count: int) -> Iterator[bytes]:
    dice = random.Random(9)
    for number in range(count):
        damaged = bytearray(data)
        for _ in range(1 + number % 4):
            damaged[dice.randrange(HEADER if number % 2 else len(data))] ^= 1 << dice.randrange(8)
        yield bytes(damaged)


def cuts(data: bytes) -> Iterator[bytes]:
    for part in range(20):
        yield data[: len(data) * part // 20]


def test_two_hundred_flips_and_twenty_cuts_of_a_file_of_weights_are_read_or_refused(
    tiny_family: DemoFamily, tmp_path: Path
) -> None:
    source = min(tiny_family.checkpoint.rglob("*.safetensors"), key=lambda path: path.stat().st_size)
    data = source.read_bytes()
    path = tmp_path / "model.safetensors"
    refused = 0
    for damaged in (*flips(data, 200), *cuts(data)):
        path.write_bytes(damaged)
        try:
            read_weights(path)
        except GeneratorError as told:
            assert str(tmp_path) not in told.detail
            refused += 1
    assert refused >= 20 + 60, "what is cut off, and most of what is wrong in the header"


JSON_FILES = ("unet/config.json", "vae/config.json", "text_encoder/config.json", "model_index.json")
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda _: b"",
    "noise": lambda data: random.Random(1).randbytes(len(data)),
    "another shape": lambda _: b'{"in_channels": "many", "sample_size": -3, "block_out_channels": 7}',
    "a list": lambda _: b"[1, 2]",
    "deep": lambda _: b"[" * 100_000,
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", JSON_FILES)
def test_a_damaged_description_of_a_checkpoint_is_a_typed_error(
    tiny_family: DemoFamily, tmp_path: Path, name: str, damage: str
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(tiny_family.checkpoint, folder)
    (folder / name).write_bytes(DAMAGE[damage]((folder / name).read_bytes()))
    try:
        open_checkpoint(ModelEntry("broken", folder, "folder", "sd15"), CPU)
    except GeneratorError as told:
        assert str(tmp_path) not in told.detail


def test_a_damaged_checkpoint_fails_its_own_picture_and_the_next_one_is_drawn(
    tiny_family: DemoFamily, tmp_path: Path, ask: Any, run_all: Any
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny_family.checkpoint, broken)
    unet = next((broken / "unet").glob("*.safetensors"))
    unet.write_bytes(unet.read_bytes()[:-1000])
    folders = ModelFolders(
        tmp_path / "checkpoints",
        tmp_path / "loras",
        (("tiny", tiny_family.checkpoint), ("broken", broken)),
        tiny_family.loras,
    )
    engine = Engine(EngineConfig(folders, device="cpu", threads=1, max_rows=8))
    failed = run_all(engine, [ask("a", checkpoint="broken")])[-1]
    assert isinstance(failed, Failed) and isinstance(failed.error, GeneratorError)
    assert "broken" in failed.error.detail or "safetensors" in failed.error.detail
    assert isinstance(run_all(engine, [ask("b")])[-1], ImageReady)
