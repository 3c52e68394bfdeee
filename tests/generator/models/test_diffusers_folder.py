from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from generator.demo.family import DemoFamily
from generator.errors import ModelMissing, ModelRefused
from generator.models.diffusers_folder import bare_text_keys, read_folder

WEIGHTS = Path("unet") / "diffusion_pytorch_model.safetensors"


@pytest.fixture
def folder(tiny_family: DemoFamily, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_family.checkpoint, tmp_path / "model"))


def test_the_old_prefix_of_text_encoder_keys_is_dropped() -> None:
    tensor = torch.zeros(1)
    assert set(bare_text_keys({"text_model.a.weight": tensor, "b": tensor})) == {"a.weight", "b"}


@pytest.mark.parametrize(
    "part", ["unet/config.json", "vae/config.json", "scheduler/scheduler_config.json", str(WEIGHTS), "tokenizer"]
)
def test_a_missing_part_is_named(folder: Path, part: str) -> None:
    target = folder / part
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    with pytest.raises(ModelMissing) as missing:
        read_folder(folder)
    assert part.split("/")[0] in missing.value.detail


def test_weights_there_only_as_a_pickle_are_refused(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(ModelRefused) as refused:
        read_folder(folder)
    assert refused.value.stable_code == "pickle_refused"


def test_weights_in_shards_are_put_together(folder: Path) -> None:
    whole = load_file(folder / WEIGHTS)
    names = sorted(whole)
    files = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, keys in files.items():
        save_file({k: whole[k] for k in keys}, folder / "unet" / file)
    index = {"weight_map": {k: file for file, keys in files.items() for k in keys}}
    (folder / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    (folder / WEIGHTS).unlink()
    assert read_folder(folder).unet.keys() == whole.keys()


def test_a_shard_outside_the_folder_is_not_followed(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "secret.safetensors")
    index = {"weight_map": {"x": "../secret.safetensors"}}
    (folder / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelMissing):
        read_folder(folder)


def test_weights_that_are_not_numbers_are_refused_at_loading(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    tensors["conv_in.bias"][0] = float("inf")
    save_file(tensors, folder / WEIGHTS)
    with pytest.raises(ModelRefused) as refused:
        read_folder(folder)
    assert refused.value.stable_code == "model_not_finite"
    assert refused.value.facts["key"] == "conv_in.bias"


def test_a_configuration_that_is_no_json_is_refused(folder: Path) -> None:
    (folder / "unet" / "config.json").write_text("[1")
    with pytest.raises(ModelRefused):
        read_folder(folder)
