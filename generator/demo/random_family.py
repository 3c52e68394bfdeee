"""Builds the random stand-in of the demo family: true in every shape, trained on nothing.

It runs every code path of a Stable Diffusion 1.5 family in milliseconds. Its pictures are noise.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

from generator.demo.concepts import read_concepts
from generator.demo.family import MANIFEST, RANDOM_FOLDER
from generator.demo.networks import build_dual_encoder, build_unet, build_vae, dual_encoder_config
from generator.demo.package import (
    Networks,
    caption_words,
    write_checkpoint,
    write_dual_encoder,
    write_labels,
    write_lora,
)
from generator.demo.shape import RANDOM_SHAPE
from generator.demo.tokenizer import cut_vocabulary

_SEED = 20240607
_BASE_SIZE = 128
_LORA = "demo-style"
_LORA_RANK = 4
_NOTICE = "Demo stand-in with untrained weights: it shows that the machinery runs, and its pictures are noise."


def build_once(cache_dir: Path) -> Path:
    """The folder of the random family in `cache_dir`; built on the first call.

    The build happens in a temporary folder that is renamed at the end, so a family is whole or absent.
    """
    target = cache_dir / RANDOM_FOLDER
    if (target / MANIFEST).is_file():
        return target
    cache_dir.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f"{RANDOM_FOLDER}-", dir=cache_dir))
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_SEED)
            _build(building)
        _put_in_place(building, target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target


def _put_in_place(building: Path, target: Path) -> None:
    try:
        building.rename(target)
    except OSError:
        # Another process was faster, or a half-deleted folder lies there without a manifest.
        if (target / MANIFEST).is_file():
            return
        shutil.rmtree(target, ignore_errors=True)
        building.rename(target)


def _build(folder: Path) -> None:
    concepts = read_concepts()
    vocabulary = cut_vocabulary(caption_words(concepts), common=2000)
    config = dual_encoder_config(RANDOM_SHAPE, len(vocabulary.tokens))
    latent_side = _BASE_SIZE // 8
    networks = Networks(
        shape=RANDOM_SHAPE,
        unet=build_unet(RANDOM_SHAPE, latent_side).eval(),
        vae=build_vae(RANDOM_SHAPE, _BASE_SIZE).eval(),
        dual_encoder=build_dual_encoder(config).eval(),
        vocabulary=vocabulary,
    )
    write_lora(
        folder / "loras" / f"{_LORA}.safetensors",
        {
            **_random_lora(networks.unet, "lora_unet", ("to_q", "to_k", "to_v", "to_out.0", "conv1")),
            **_text_lora(RANDOM_SHAPE.text_layers, RANDOM_SHAPE.text_width),
        },
        {
            "ss_base_model_version": "sd_v1",
            "ss_network_module": "networks.lora",
            "ss_network_dim": str(_LORA_RANK),
            "ss_network_alpha": str(_LORA_RANK),
            "ss_output_name": _LORA,
        },
    )
    write_checkpoint(folder / "checkpoint", networks)
    write_dual_encoder(folder / "clip", config, networks.dual_encoder, folder / "checkpoint" / "tokenizer")
    write_labels(folder / "labels", concepts)
    manifest = {
        "kind": "random",
        "loras": [_LORA],
        "base_size": _BASE_SIZE,
        "hires_size": 2 * _BASE_SIZE,
        "notice": _NOTICE,
        "vocabulary": [],
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")


def _random_lora(network: nn.Module, prefix: str, layer_names: tuple[str, ...]) -> dict[str, Tensor]:
    """A LoRA on the linear layers and 3x3 convolutions of `network` whose names end in one of `layer_names`."""
    state: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        if not name.endswith(layer_names):
            continue
        key = f"{prefix}_{name.replace('.', '_')}"
        if isinstance(module, nn.Linear):
            state |= _pair(key, (_LORA_RANK, module.in_features), (module.out_features, _LORA_RANK))
        elif isinstance(module, nn.Conv2d):
            down = (_LORA_RANK, module.in_channels, *module.kernel_size)
            state |= _pair(key, down, (module.out_channels, _LORA_RANK, 1, 1))
    return state


def _text_lora(layers: int, width: int) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for i in range(layers):
        for letter in "qkv":
            key = f"lora_te_text_model_encoder_layers_{i}_self_attn_{letter}_proj"
            state |= _pair(key, (_LORA_RANK, width), (width, _LORA_RANK))
    return state


def _pair(key: str, down: tuple[int, ...], up: tuple[int, ...]) -> dict[str, Tensor]:
    fan_in = 1
    for side in down[1:]:
        fan_in *= side
    return {
        f"{key}.alpha": torch.tensor(float(_LORA_RANK)),
        f"{key}.lora_down.weight": torch.randn(down) / fan_in**0.5,
        # Large enough that the picture visibly changes at weight 1.
        f"{key}.lora_up.weight": torch.randn(up) * 0.25,
    }
