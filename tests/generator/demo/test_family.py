"""The random family has the true shapes, and reading about it costs no torch."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generator.demo.family import DemoFamily, read_family


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> DemoFamily:
    from generator.demo.random_family import build_once

    return read_family(build_once(tmp_path_factory.mktemp("cache")))


def _pipeline(family: DemoFamily) -> Any:
    import torch

    from generator.demo.networks import library

    loader = library("diffusers").StableDiffusionPipeline
    pipeline = loader.from_pretrained(family.checkpoint, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _draw(pipeline: Any, prompt: str) -> np.ndarray:
    import torch

    noise = torch.Generator().manual_seed(1)
    drawn = pipeline(prompt, height=64, width=64, num_inference_steps=2, generator=noise, output_type="np")
    return drawn.images[0]


def test_importing_the_family_module_leaves_torch_out() -> None:
    code = "import sys, generator.demo.family as f; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_second_build_finds_the_first(family: DemoFamily) -> None:
    from generator.demo.random_family import build_once

    cache = family.checkpoint.parent.parent
    before = (family.checkpoint / "model_index.json").stat().st_mtime_ns
    assert build_once(cache) == family.checkpoint.parent
    assert (family.checkpoint / "model_index.json").stat().st_mtime_ns == before
    assert [p.name for p in cache.iterdir()] == [family.checkpoint.parent.name], "no temporary folder is left"


def test_a_half_built_family_is_built_again(tmp_path: Path) -> None:
    from generator.demo.random_family import build_once

    folder = build_once(tmp_path)
    (folder / "family.json").unlink()
    assert read_family(build_once(tmp_path)).kind == "random"


def test_two_builds_have_the_same_weights(family: DemoFamily, tmp_path: Path) -> None:
    from generator.demo.random_family import build_once

    other = read_family(build_once(tmp_path))
    for part in ("unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors"):
        assert (family.checkpoint / part).read_bytes() == (other.checkpoint / part).read_bytes()


def test_the_random_family_says_that_it_draws_noise(family: DemoFamily) -> None:
    assert family.kind == "random"
    assert family.vocabulary == frozenset()
    assert "noise" in family.notice


def test_the_family_is_small(family: DemoFamily) -> None:
    folder = family.checkpoint.parent
    assert sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) < 10_000_000


def test_diffusers_loads_it_as_a_plain_pipeline_and_draws(family: DemoFamily) -> None:
    picture = _draw(_pipeline(family), "a cat")
    assert picture.shape == (64, 64, 3)
    assert np.isfinite(picture).all()
    assert picture.std() > 0.01


def test_different_prompts_give_different_pictures(family: DemoFamily) -> None:
    pipeline = _pipeline(family)
    assert np.abs(_draw(pipeline, "a cat") - _draw(pipeline, "a red car")).max() > 1e-4


def test_every_lora_key_names_a_layer_and_the_lora_changes_the_picture(family: DemoFamily) -> None:
    import torch
    from safetensors.torch import load_file

    pipeline = _pipeline(family)
    before = _draw(pipeline, "a cat")
    ((name, file),) = family.loras
    state = load_file(file)
    layers = {"lora_unet_" + n.replace(".", "_"): m for n, m in pipeline.unet.named_modules()}
    for n, m in pipeline.text_encoder.named_modules():
        layers["lora_te_text_model_" + n.removeprefix("text_model.").replace(".", "_")] = m
    for key in {k.split(".")[0] for k in state}:
        down, up = state[f"{key}.lora_down.weight"].float(), state[f"{key}.lora_up.weight"].float()
        delta = (up.flatten(1) @ down.flatten(1)) * (state[f"{key}.alpha"].item() / down.shape[0])
        with torch.no_grad():
            layers[key].weight += delta.reshape(layers[key].weight.shape)
    assert name == "demo-style"
    assert np.abs(_draw(pipeline, "a cat") - before).mean() > 0.001


def test_open_clip_loads_the_dual_encoder_and_agrees_with_the_text_tower(family: DemoFamily) -> None:
    import torch

    from generator.demo.networks import library

    open_clip = library("open_clip")
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{family.clip}", precision="fp32")
    ids = open_clip.get_tokenizer(f"local-dir:{family.clip}")(["a red car", "masterpiece, 猫"])
    from PIL import Image

    with torch.no_grad():
        pixels = preprocess(Image.new("RGB", (90, 60)))
        assert model.encode_image(pixels[None]).shape == (1, 64)
        theirs = model.encode_text(ids)
        ours = _pipeline(family).text_encoder(ids).pooler_output @ model.text_projection
    assert torch.allclose(theirs, ours, atol=1e-4)


def test_labels_are_lists_of_terms(family: DemoFamily) -> None:
    subjects = (family.labels / "subjects.txt").read_text(encoding="utf-8").split("\n")
    assert {"heart", "raised hand"} <= set(subjects)
