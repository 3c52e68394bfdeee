"""What this machine has, hashed only as far as a recipe asks."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import pytest

from generator.config import ModelFolders
from generator.models.catalogue import Catalogue as ModelShelf
from generator.models.hashes import HashCache
from prompts.metadata import examine, parse_infotext
from service.machine import machine_for

WEIGHTS = b"\1\2\3\4"


def a_model(path: Path, key: str, weights: bytes = WEIGHTS, **metadata: str) -> bytes:
    """A safetensors file with one tensor; gives its bytes."""
    header = {"__metadata__": metadata, key: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    text = json.dumps(header).encode()
    data = struct.pack("<Q", len(text)) + text + weights
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return data


def a_lora(path: Path, weights: bytes = WEIGHTS, **metadata: str) -> bytes:
    return a_model(path, "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight", weights, **metadata)


@pytest.fixture
def folders(tmp_path: Path) -> ModelFolders:
    a_model(tmp_path / "checkpoints" / "painterly.safetensors", "model.x")
    a_model(tmp_path / "checkpoints" / "other.safetensors", "model.y", b"\5\6\7\10")
    a_lora(tmp_path / "loras" / "ink.safetensors", ss_output_name="ink_v2")
    a_lora(tmp_path / "loras" / "oil.safetensors", b"\5\6\7\10")
    return ModelFolders(tmp_path / "checkpoints", tmp_path / "loras")


class CountingHashes(HashCache):
    """Tells which files were read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def _remembered(self, key: str, compute: object) -> str:  # type: ignore[override]
        if key not in self._known:
            self.read.append(Path(key.split("|")[0]).stem)
        return super()._remembered(key, compute)  # type: ignore[arg-type]


def verdicts(recipe: str, shelf: ModelShelf, patience: int | None = None) -> dict[str, str]:
    spell = parse_infotext(f"a cat <lora:ink:1>\nSteps: 20, Sampler: Euler a, {recipe}")
    found = examine(spell, machine_for(spell, shelf, patience))
    return {verdict.field: verdict.status for verdict in found if verdict.field in ("checkpoint", "LoRA ink")}


def test_a_lora_is_known_by_the_hash_of_its_weights_alone(folders: ModelFolders) -> None:
    digits = hashlib.sha256(WEIGHTS).hexdigest()[:12]
    assert verdicts(f'Lora hashes: "ink: {digits}"', ModelShelf(folders))["LoRA ink"] == "exact"
    assert verdicts('Lora hashes: "ink: 00112233aabb"', ModelShelf(folders))["LoRA ink"] == "approximated"


def test_a_checkpoint_under_another_name_is_known_by_its_hash(folders: ModelFolders) -> None:
    data = (folders.checkpoints / "other.safetensors").read_bytes()
    digits = hashlib.sha256(data).hexdigest()[:10]
    assert verdicts(f"Model hash: {digits}, Model: renamed", ModelShelf(folders))["checkpoint"] == "exact"
    assert verdicts("Model hash: 0123456789, Model: renamed", ModelShelf(folders))["checkpoint"] == "missing"


def test_a_checkpoint_is_known_by_the_old_hash_only_approximately(folders: ModelFolders) -> None:
    large = folders.checkpoints / "large.safetensors"
    a_model(large, "model.z", b"\0\0\0\0")
    digits = hashlib.sha256(b"").hexdigest()[:8]  # files under 1 MiB have nothing where it looks
    assert verdicts(f"Model hash: {digits}, Model: renamed", ModelShelf(folders))["checkpoint"] == "approximated"


def test_nothing_is_read_when_the_recipe_names_no_hash(folders: ModelFolders) -> None:
    hashes = CountingHashes()
    assert verdicts("Model: painterly", ModelShelf(folders, hashes)) == {
        "checkpoint": "approximated",
        "LoRA ink": "approximated",
    }
    assert hashes.read == []


def test_the_file_of_the_same_name_is_read_first_and_no_other_when_it_fits(folders: ModelFolders) -> None:
    hashes = CountingHashes()
    digits = hashlib.sha256((folders.checkpoints / "painterly.safetensors").read_bytes()).hexdigest()[:10]
    assert verdicts(f"Model hash: {digits}, Model: painterly", ModelShelf(folders, hashes))["checkpoint"] == "exact"
    assert hashes.read == ["painterly"]


def test_without_patience_only_the_namesake_is_read(folders: ModelFolders) -> None:
    hashes = CountingHashes()
    recipe = "Model hash: 0123456789, Model: painterly"
    assert verdicts(recipe, ModelShelf(folders, hashes), patience=0)["checkpoint"] == "approximated"
    assert hashes.read == ["painterly"]


def test_a_lora_is_found_by_the_name_inside_its_file(folders: ModelFolders) -> None:
    spell = parse_infotext("a cat <lora:ink_v2:1>\nSteps: 20, Sampler: Euler a")
    found = {v.field: v.status for v in examine(spell, machine_for(spell, ModelShelf(folders)))}
    assert found["LoRA ink_v2"] == "approximated"


def test_with_little_patience_one_more_file_is_read_at_each_question(folders: ModelFolders) -> None:
    hashes = CountingHashes()
    shelf = ModelShelf(folders, hashes)
    recipe = "Model hash: 0123456789, Model: absent"
    assert [verdicts(recipe, shelf, patience=1)["checkpoint"], *hashes.read] == ["missing", "other"]
    assert [verdicts(recipe, shelf, patience=1)["checkpoint"], *hashes.read] == ["missing", "other", "painterly"]
