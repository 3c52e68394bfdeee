from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from generator.config import ModelFolders
from generator.errors import CheckpointNotFound, LoraIncompatible, LoraNotFound, ModelRefused
from generator.models import hashes
from generator.models.catalogue import Catalogue, check_lora_fits
from generator.models.hashes import HashCache
from generator.testing import write_pipeline_folder

LDM = "model.diffusion_model.input_blocks.0.0.weight"


def _save(path: Path, keys: tuple[str, ...], width: int = 2, metadata: dict[str, str] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: torch.zeros(2, width) for k in keys}, path, metadata)
    return path


def _pipeline(folder: Path, name: str, width: int = 768) -> None:
    write_pipeline_folder(folder, name)
    (folder / "unet" / "config.json").write_text(json.dumps({"cross_attention_dim": width}))


@pytest.fixture
def folders(tmp_path: Path) -> ModelFolders:
    models, loras = tmp_path / "checkpoints", tmp_path / "loras"
    _save(models / "dreamy_v5.safetensors", (LDM, "cond_stage_model.transformer.text_model.x", "first_stage_model.x"))
    _save(models / "anime" / "xl.safetensors", (LDM, "conditioner.embedders.1.model.x", "first_stage_model.x"))
    _save(models / "two.safetensors", (LDM, "cond_stage_model.model.x"))
    (models / "old.ckpt").write_bytes(b"\x80\x04")
    (models / "broken.safetensors").write_bytes(b"<!doctype html>")
    _pipeline(models / "folder-model", "StableDiffusionPipeline")
    _pipeline(models / "folder-sd2", "StableDiffusionPipeline", 1024)
    down = "unet.a.attn2.to_k.lora_A.weight"
    _save(loras / "style.safetensors", ("lora_unet_x.lora_up.weight",), 2, {"ss_base_model_version": "sd_v1"})
    _save(loras / "people" / "style.safetensors", (down,), 768, {"ss_output_name": "Portrait Style"})
    _save(loras / "big.safetensors", ("lora_te2_x.lora_up.weight",))
    _save(loras / "wide.safetensors", (down,), 2048)
    (loras / "embedding.pt").write_bytes(b"\x80\x04")
    return ModelFolders(models, loras)


def test_checkpoints_and_loras_are_listed_with_kind_and_family(folders: ModelFolders) -> None:
    catalogue = Catalogue(folders)
    assert {e.name: (e.kind, e.family) for e in catalogue.checkpoints()} == {
        "dreamy_v5": ("file", "sd15"),
        "xl": ("file", "sdxl"),
        "two": ("file", "unknown"),
        "old": ("refused", "unknown"),
        "broken": ("refused", "unknown"),
        "folder-model": ("folder", "sd15"),
        "folder-sd2": ("folder", "unknown"),
    }
    assert {e.name: (e.kind, e.family) for e in catalogue.loras()} == {
        "style": ("file", "sd15"),
        "people/style": ("file", "sd15"),
        "big": ("file", "sdxl"),
        "wide": ("file", "sdxl"),
        "embedding": ("refused", "unknown"),
    }


@pytest.mark.parametrize(
    "name", ["dreamy_v5", "DREAMY_V5", "dreamy_v5.safetensors", " dreamy_v5 ", "dreamy_v5.safetensors [0123456789]"]
)
def test_a_checkpoint_is_found_by_name_file_name_and_web_ui_title(folders: ModelFolders, name: str) -> None:
    assert Catalogue(folders).checkpoint(name).path.name == "dreamy_v5.safetensors"


def test_a_checkpoint_in_a_sub_folder_is_found_by_its_bare_name(folders: ModelFolders) -> None:
    assert Catalogue(folders).checkpoint("xl").family == "sdxl"


def test_loras_of_one_name_in_two_folders_are_told_apart_by_folder_and_alias(folders: ModelFolders) -> None:
    catalogue = Catalogue(folders)
    assert catalogue.lora("style").path.parent.name == "loras"
    assert catalogue.lora("people/style").path.parent.name == "people"
    assert catalogue.lora("people\\style") == catalogue.lora("portrait style") == catalogue.lora("people/style")


def test_a_model_is_found_by_any_start_of_its_hash_from_8_digits_on(folders: ModelFolders) -> None:
    catalogue = Catalogue(folders)
    entry = catalogue.checkpoint("dreamy_v5")
    digest = hashlib.sha256(entry.path.read_bytes()).hexdigest()
    assert catalogue.sha256(entry) == digest
    assert catalogue.short_hash(entry) == digest[:10]
    for text in (digest, digest[:10], digest[:8].upper(), f"renamed.safetensors [{digest[:10]}]"):
        assert catalogue.checkpoint(text) == entry
    with pytest.raises(CheckpointNotFound):
        catalogue.checkpoint(digest[:7])


def test_an_unknown_name_is_told_with_near_ones(folders: ModelFolders) -> None:
    catalogue = Catalogue(folders)
    with pytest.raises(CheckpointNotFound) as missing:
        catalogue.checkpoint("dreamy_v4")
    assert missing.value.facts["near"] == ["dreamy_v5"]
    with pytest.raises(LoraNotFound) as missing_lora:
        catalogue.lora("Portrait Stile")
    assert "Portrait Style" in missing_lora.value.detail


def test_a_pickle_is_refused_with_the_way_to_convert_it(folders: ModelFolders) -> None:
    for ask, name in ((Catalogue(folders).checkpoint, "old"), (Catalogue(folders).lora, "embedding.pt")):
        with pytest.raises(ModelRefused) as refused:
            ask(name)
        assert refused.value.stable_code == "pickle_refused"
        assert "spellwright models convert" in refused.value.detail


def test_a_malformed_file_is_listed_and_refused_when_asked_for(folders: ModelFolders) -> None:
    with pytest.raises(ModelRefused) as refused:
        Catalogue(folders).checkpoint("broken")
    assert refused.value.stable_code == "safetensors_invalid"


def test_a_lora_of_another_family_does_not_fit_and_an_unknown_one_may(folders: ModelFolders) -> None:
    catalogue = Catalogue(folders)
    sd15 = catalogue.checkpoint("dreamy_v5")
    check_lora_fits(catalogue.lora("style"), sd15)
    check_lora_fits(catalogue.lora("big"), catalogue.checkpoint("two"))
    with pytest.raises(LoraIncompatible) as refused:
        check_lora_fits(catalogue.lora("big"), sd15)
    assert refused.value.facts["found"] == "sdxl"
    assert refused.value.facts["expected"] == "sd15"


def test_folders_that_do_not_exist_are_empty(tmp_path: Path) -> None:
    catalogue = Catalogue(ModelFolders(tmp_path / "no", tmp_path / "nothing"))
    assert catalogue.checkpoints() == catalogue.loras() == ()


def test_refresh_sees_files_that_came_changed_and_went(folders: ModelFolders) -> None:
    catalogue = Catalogue(folders)
    new = _save(folders.checkpoints / "new.safetensors", (LDM, "conditioner.embedders.1.x", "first_stage_model.x"))
    catalogue.refresh()
    assert catalogue.checkpoint("new").family == "sdxl"
    _save(new, (LDM, "cond_stage_model.transformer.x", "first_stage_model.x", "more"))
    catalogue.refresh()
    assert catalogue.checkpoint("new").family == "sd15"
    new.unlink()
    catalogue.refresh()
    with pytest.raises(CheckpointNotFound):
        catalogue.checkpoint("new")


def test_a_link_that_leads_back_up_is_walked_once(folders: ModelFolders) -> None:
    (folders.loras / "loop").symlink_to(folders.loras, target_is_directory=True)
    assert len(Catalogue(folders).loras()) == 5


def test_built_in_models_come_first_and_win_over_a_file_of_their_name(folders: ModelFolders, tmp_path: Path) -> None:
    _pipeline(tmp_path / "demo", "StableDiffusionPipeline")
    own = ModelFolders(folders.checkpoints, folders.loras, (("dreamy_v5", tmp_path / "demo"),))
    catalogue = Catalogue(own)
    assert catalogue.checkpoints()[0].path == tmp_path / "demo"
    assert [e.name for e in catalogue.checkpoints()].count("dreamy_v5") == 1


def test_a_hash_is_computed_once_per_version_of_a_file_and_remembered_across_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, memory = tmp_path / "a.bin", tmp_path / "cache" / "hashes.json"
    path.write_bytes(b"one")
    reads: list[Path] = []
    real: Callable[[Path], str] = hashes._sha256
    monkeypatch.setattr(hashes, "_sha256", lambda p: (reads.append(p), real(p))[1])
    first = HashCache(memory).sha256(path)
    assert HashCache(memory).sha256(path) == first == hashlib.sha256(b"one").hexdigest()
    assert len(reads) == 1
    path.write_bytes(b"two!")
    os.utime(path, ns=(1, 1))
    assert HashCache(memory).sha256(path) == hashlib.sha256(b"two!").hexdigest()
    memory.write_text("not json")
    assert HashCache(memory).sha256(path) == hashlib.sha256(b"two!").hexdigest()
