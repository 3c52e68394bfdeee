"""`models add`: the kind is read from the file, and nothing half-copied ever shows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from generator.config import ModelFolders
from generator.errors import ModelRefused
from generator.models.install import install


@pytest.fixture
def folders(tmp_path: Path) -> ModelFolders:
    return ModelFolders(checkpoints=tmp_path / "models" / "checkpoints", loras=tmp_path / "models" / "loras")


def a_file(path: Path, *keys: str) -> Path:
    save_file({key: torch.zeros(2, 2) for key in keys}, path)
    return path


@pytest.mark.parametrize(
    ("key", "kind", "folder"),
    [
        ("lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight", "LoRA", "loras"),
        ("unet.down_blocks.0.attentions.0.proj_in.lora_A.weight", "LoRA", "loras"),
        ("model.diffusion_model.input_blocks.0.0.weight", "checkpoint", "checkpoints"),
    ],
)
def test_the_kind_is_read_from_the_keys(
    tmp_path: Path, folders: ModelFolders, key: str, kind: str, folder: str
) -> None:
    found, path = install(a_file(tmp_path / "m.safetensors", key), folders)
    assert (found, path.parent.name, path.is_file()) == (kind, folder, True)


@pytest.mark.parametrize(
    ("name", "code"),
    [("m.ckpt", "pickle_refused"), ("m.txt", "model_kind_unknown"), ("m.safetensors", "safetensors_invalid")],
)
def test_what_is_no_model_is_refused_by_code(tmp_path: Path, folders: ModelFolders, name: str, code: str) -> None:
    (tmp_path / name).write_bytes(b"not a model at all")
    with pytest.raises(ModelRefused) as caught:
        install(tmp_path / name, folders)
    assert caught.value.stable_code == code
    assert not folders.checkpoints.exists()


def test_another_file_of_the_same_name_is_never_replaced(tmp_path: Path, folders: ModelFolders) -> None:
    key = "model.diffusion_model.input_blocks.0.0.weight"
    install(a_file(tmp_path / "m.safetensors", key), folders)
    other = a_file(tmp_path / "m.safetensors", key, key + "2")
    with pytest.raises(ModelRefused) as caught:
        install(other, folders)
    assert caught.value.stable_code == "model_exists"


def test_a_second_call_with_the_same_file_changes_nothing(tmp_path: Path, folders: ModelFolders) -> None:
    source = a_file(tmp_path / "m.safetensors", "model.diffusion_model.input_blocks.0.0.weight")
    assert install(source, folders) == install(source, folders)
    assert [p.name for p in folders.checkpoints.iterdir()] == ["m.safetensors"]


@pytest.mark.parametrize(
    ("keys", "kind", "folder"),
    [
        (("emb_params",), "embedding", "embeddings"),
        (("clip_l", "clip_g"), "embedding", "embeddings"),
        (("first_stage_model.decoder.conv_in.weight",), "VAE", "vaes"),
        (("decoder.conv_in.weight", "encoder.conv_in.weight"), "VAE", "vaes"),
        (("conv_first.weight", "conv_last.weight"), "upscaler", "upscalers"),
        (("lora_unet_x.hada_w1_a", "lora_unet_x.hada_w1_b"), "LoRA", "loras"),
        (("lora_unet_x.diff", "lora_unet_y.diff"), "LoRA", "loras"),
    ],
)
def test_embeddings_vaes_upscalers_and_every_kind_of_lora_go_to_their_folders(
    keys: tuple[str, ...], kind: str, folder: str, tmp_path: Path, folders: ModelFolders
) -> None:
    source = tmp_path / "m.safetensors"
    save_file({key: torch.zeros(2, 4) for key in keys}, source)
    found, path = install(source, folders)
    assert (found, path.parent.name) == (kind, folder)


def test_weights_that_are_not_numbers_and_folders_with_code_are_refused(tmp_path: Path, folders: ModelFolders) -> None:
    source = tmp_path / "m.safetensors"
    save_file({"emb_params": torch.full((1, 4), float("nan"))}, source)
    folder = tmp_path / "pipeline"
    folder.mkdir()
    (folder / "model_index.json").write_text("{}")
    (folder / "hook.py").write_text("")
    for path, code in ((source, "model_not_finite"), (folder, "model_code_refused")):
        with pytest.raises(ModelRefused) as refused:
            install(path, folders)
        assert refused.value.stable_code == code
    assert not folders.checkpoints.exists()
