from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from generator.config import EngineConfig, ModelFolders
from generator.demo.family import DemoFamily
from generator.engine import Engine
from generator.errors import ModelRefused, VaeNotFound
from generator.events import ImageReady
from generator.models.ldm_keys import _vae_table
from generator.request import GenerationRequest
from prompts.spell import HiresFix

Draw = Callable[[Engine, GenerationRequest], ImageReady]


@pytest.fixture
def vaes(tmp_path: Path) -> Path:
    found = tmp_path / "vaes"
    found.mkdir()
    return found


@pytest.fixture
def vae_engine(tiny_family: DemoFamily, tmp_path: Path, vaes: Path) -> Engine:
    folders = ModelFolders(tmp_path / "c", tmp_path / "l", (("tiny", tiny_family.checkpoint),), vaes=vaes)
    return Engine(EngineConfig(folders, device="cpu", threads=1))


@pytest.fixture
def own(tiny_family: DemoFamily) -> dict[str, Tensor]:
    return load_file(tiny_family.checkpoint / "vae" / "diffusion_pytorch_model.safetensors")


def original_names(tiny_family: DemoFamily, own: dict[str, Tensor]) -> dict[str, Tensor]:
    config = json.loads((tiny_family.checkpoint / "vae" / "config.json").read_text())
    back = {new: (old, {b: a for a, b in inside.items()}) for old, (new, inside) in _vae_table(config).items()}
    renamed = {}
    for key, tensor in own.items():
        block = max((b for b in back if key.startswith(b + ".")), key=len)
        old, inside = back[block]
        rest, _, leaf = key[len(block) + 1 :].rpartition(".")
        value = tensor[..., None, None] if ".to_" in key and tensor.dim() == 2 else tensor
        renamed[".".join(p for p in (old, inside.get(rest, rest), leaf) if p)] = value.contiguous()
    return renamed


@pytest.mark.parametrize("layout", ["diffusers", "ldm", "first_stage_model."])
def test_the_same_vae_from_a_file_draws_the_same_picture_in_every_layout(
    vae_engine: Engine,
    vaes: Path,
    tiny_family: DemoFamily,
    own: dict[str, Tensor],
    layout: str,
    ask: Any,
    draw_one: Draw,
) -> None:
    tensors = own if layout == "diffusers" else original_names(tiny_family, own)
    prefix = layout if layout.endswith(".") else ""
    save_file({prefix + k: v for k, v in tensors.items()}, vaes / "same.safetensors")
    plain = draw_one(vae_engine, ask())
    named = draw_one(vae_engine, ask(vae="same.safetensors"))
    assert (named.picture, named.notes) == (plain.picture, ())


def test_another_vae_changes_the_colours_and_only_of_the_pictures_that_ask_for_it(
    vae_engine: Engine, vaes: Path, own: dict[str, Tensor], ask: Any, run_all: Any
) -> None:
    save_file({k: v * 1.2 if k.startswith("decoder.") else v for k, v in own.items()}, vaes / "vivid.safetensors")
    asked = [ask("a"), ask("b", vae="vivid"), ask("c", vae="Automatic"), ask("d", vae="None")]
    ready = {e.request_id: e.picture for e in run_all(vae_engine, asked) if isinstance(e, ImageReady)}
    assert ready["a"] == ready["c"] == ready["d"]
    assert ready["a"] != ready["b"]


def test_hires_fix_on_pixels_uses_it_too(
    vae_engine: Engine, vaes: Path, own: dict[str, Tensor], ask: Any, draw_one: Draw
) -> None:
    save_file({k: v * 1.1 for k, v in own.items()}, vaes / "vivid.safetensors")
    hires = HiresFix(1.5, denoising_strength=0.0, upscaler="Lanczos")
    assert draw_one(vae_engine, ask(hires=hires)).picture != draw_one(vae_engine, ask(hires=hires, vae="vivid")).picture


def test_an_unknown_vae_is_an_error_with_near_names_and_how_to_do_without(
    vae_engine: Engine, vaes: Path, own: dict[str, Tensor], ask: Any, draw_one: Draw
) -> None:
    save_file(own, vaes / "kl-f8-anime2.safetensors")
    with pytest.raises(VaeNotFound, match="Automatic") as missing:
        draw_one(vae_engine, ask(vae="kl-f8-anime"))
    assert missing.value.facts["near"] == ["kl-f8-anime2"]


def test_a_file_that_is_no_vae_is_refused(vae_engine: Engine, vaes: Path, ask: Any, draw_one: Draw) -> None:
    save_file({"x": torch.zeros(1)}, vaes / "odd.safetensors")
    with pytest.raises(ModelRefused) as refused:
        draw_one(vae_engine, ask(vae="odd"))
    assert refused.value.stable_code == "weights_do_not_fit"
