"""A checkpoint that is not whole is listed with the reason, and chosen by nobody."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from generator.config import ModelFolders
from generator.errors import ModelMissing, ModelRefused
from generator.models.catalogue import Catalogue, ModelEntry
from generator.models.folder_parts import check_folder, folder_stamp
from generator.testing import write_pipeline_folder

SD15, SDXL = "StableDiffusionPipeline", "StableDiffusionXLPipeline"
PARTS = (
    "unet/config.json",
    "vae/config.json",
    "text_encoder/config.json",
    "scheduler/scheduler_config.json",
    "unet/diffusion_pytorch_model.fp16.safetensors",
    "vae/diffusion_pytorch_model.fp16.safetensors",
    "text_encoder/model.fp16.safetensors",
    "tokenizer/tokenizer.json",
)
SECOND = ("text_encoder_2/config.json", "text_encoder_2/model.fp16.safetensors", "tokenizer_2/tokenizer.json")


def listed(folder: Path) -> ModelEntry:
    (entry,) = Catalogue(ModelFolders(folder.parent, folder.parent / "loras")).checkpoints()
    return entry


@pytest.mark.parametrize("pipeline", [SD15, SDXL])
def test_a_whole_folder_is_as_it_should_be(tmp_path: Path, pipeline: str) -> None:
    folder = write_pipeline_folder(tmp_path / "shelf" / "model", pipeline)
    check_folder(folder)
    assert listed(folder).kind == "folder"


@pytest.mark.parametrize(("pipeline", "part"), [(SD15, p) for p in PARTS] + [(SDXL, p) for p in (*PARTS, *SECOND)])
def test_a_folder_that_lacks_a_part_is_listed_with_its_name(tmp_path: Path, pipeline: str, part: str) -> None:
    folder = write_pipeline_folder(tmp_path / "shelf" / "model", pipeline)
    (folder / part).unlink()
    with pytest.raises(ModelMissing):
        check_folder(folder)
    entry = listed(folder)
    assert (entry.kind, entry.refusal_code) == ("refused", "model_incomplete")
    assert part.split("/", maxsplit=1)[0] in entry.refusal


@pytest.mark.parametrize("part", [p for p in PARTS if p.endswith(".safetensors")])
def test_a_folder_whose_weights_are_cut_off_is_listed_with_the_file(tmp_path: Path, part: str) -> None:
    folder = write_pipeline_folder(tmp_path / "shelf" / "model")
    save_file({"a": torch.zeros(64)}, folder / part)
    assert listed(folder).kind == "folder"
    os.truncate(folder / part, (folder / part).stat().st_size - 1)
    entry = listed(folder)
    assert (entry.kind, entry.refusal_code) == ("refused", "safetensors_invalid")
    assert Path(part).name in entry.refusal


def test_a_folder_of_shards_needs_every_shard(tmp_path: Path) -> None:
    folder = write_pipeline_folder(tmp_path / "shelf" / "model")
    (folder / PARTS[4]).unlink()
    index = folder / "unet" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text('{"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}')
    save_file({"a": torch.zeros(1)}, folder / "unet" / "1.safetensors")
    assert "2.safetensors" in listed(folder).refusal
    save_file({"b": torch.zeros(1)}, folder / "unet" / "2.safetensors")
    assert listed(folder).kind == "folder"


def test_a_malformed_configuration_is_told(tmp_path: Path) -> None:
    folder = write_pipeline_folder(tmp_path / "shelf" / "model")
    (folder / "vae" / "config.json").write_text("[")
    with pytest.raises(ModelRefused, match="vae/config"):
        check_folder(folder)
    assert listed(folder).kind == "refused"


@pytest.mark.parametrize("cut", [1, 1000, 40_000])
def test_a_single_file_that_is_cut_off_or_has_no_vae_is_listed_with_the_reason(tmp_path: Path, cut: int) -> None:
    keys = ("model.diffusion_model.input_blocks.0.0.weight", "cond_stage_model.transformer.x", "first_stage_model.x")
    whole = tmp_path / "shelf" / "model.safetensors"
    whole.parent.mkdir()
    save_file({key: torch.zeros(4096) for key in keys}, whole)
    assert listed(whole).kind == "file"
    os.truncate(whole, whole.stat().st_size - cut)
    assert listed(whole).refusal_code == "safetensors_invalid"
    save_file({key: torch.zeros(1) for key in keys[:2]}, whole)
    assert (listed(whole).refusal_code, "no VAE" in listed(whole).refusal) == ("model_incomplete", True)


def test_a_folder_is_looked_at_again_when_one_of_its_files_changed_and_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_pipeline_folder(tmp_path / "shelf" / "model")
    catalogue = Catalogue(ModelFolders(folder.parent, tmp_path / "loras"))
    before, looks = folder_stamp(folder), []
    monkeypatch.setattr("generator.models.entries.check_folder", lambda path: (looks.append(path), check_folder(path)))
    catalogue.refresh()
    assert not looks and folder_stamp(folder) == before
    (folder / "vae" / "config.json").unlink()
    catalogue.refresh()
    catalogue.refresh()
    assert len(looks) == 1 and catalogue.checkpoints()[0].kind == "refused"
    shutil.rmtree(folder)
    catalogue.refresh()
    assert not catalogue.checkpoints()
