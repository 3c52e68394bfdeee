"""Read a checkpoint from a diffusers pipeline folder; only JSON and safetensors, nothing that can run code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from generator.errors import ModelMissing, ModelRefused
from generator.models.checkpoint import CheckpointParts
from generator.models.text_tower import TextParts
from generator.models.weights import read_weights
from prompts.torch_guard import ensure_torchvision

_WEIGHT_NAMES = ("diffusion_pytorch_model", "model")
_OLD_TEXT_PREFIX = "text_model."


def read_folder(folder: Path) -> CheckpointParts:
    """Configurations, weights and tokenizer of a diffusers folder.

    Raises:
        ModelMissing: A part of the folder is not there.
        ModelRefused: A part is malformed, or there only as a pickle.
    """
    unet_config = _config(folder / "unet" / "config.json")
    suffixes = ("", "_2") if unet_config.get("addition_embed_type") == "text_time" else ("",)
    return CheckpointParts(
        unet_config=unet_config,
        vae_config=_config(folder / "vae" / "config.json"),
        noise_config=_config(folder / "scheduler" / "scheduler_config.json"),
        unet=_weights(folder / "unet"),
        vae=_weights(folder / "vae"),
        texts=tuple(_text(folder, suffix) for suffix in suffixes),
    )


def _text(folder: Path, suffix: str) -> TextParts:
    """A text encoder; SDXL's second one has the suffix `_2`."""
    part = folder / f"text_encoder{suffix}"
    return TextParts(
        _config(part / "config.json"), bare_text_keys(_weights(part)), _tokenizer(folder / f"tokenizer{suffix}")
    )


def bare_text_keys(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Text encoder keys without the `text_model.` prefix that transformers wrote before version 5."""
    return {k.removeprefix(_OLD_TEXT_PREFIX): v for k, v in tensors.items()}


def _config(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as absent:
        raise _missing(path) from absent
    except (OSError, ValueError) as bad:
        raise ModelRefused(f"{path.parent.name}/{path.name} is not readable JSON.") from bad
    if not isinstance(found, dict):
        raise ModelRefused(f"{path.parent.name}/{path.name} is no JSON object.")
    return found


def _weights(part: Path) -> dict[str, Tensor]:
    for stem in _WEIGHT_NAMES:
        for suffix in (".safetensors", ".fp16.safetensors"):
            path = part / f"{stem}{suffix}"
            if path.is_file():
                return read_weights(path)
        index = part / f"{stem}.safetensors.index.json"
        if index.is_file():
            return _sharded(part, index)
    if any(part.glob("*.bin")):
        refused = ModelRefused(
            f"{part.name} is there only as a pickle (.bin), which can run code when opened; get its safetensors."
        )
        refused.with_code("pickle_refused")
        raise refused
    raise _missing(part / f"{_WEIGHT_NAMES[0]}.safetensors")


def _sharded(part: Path, index: Path) -> dict[str, Tensor]:
    shards = _config(index).get("weight_map")
    if not isinstance(shards, dict):
        raise ModelRefused(f"{part.name}/{index.name} names no shards.")
    tensors: dict[str, Tensor] = {}
    for name in sorted({str(v) for v in shards.values()}):
        if Path(name).name != name or not (part / name).is_file():
            raise _missing(part / Path(name).name)
        tensors |= read_weights(part / name)
    return tensors


def _tokenizer(folder: Path) -> Any:
    if not folder.is_dir():
        raise _missing(folder / "vocab.json")
    ensure_torchvision()
    from transformers import CLIPTokenizer  # noqa: PLC0415 - seconds of import

    return CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)


def _missing(path: Path) -> ModelMissing:
    return ModelMissing(
        f"The checkpoint folder lacks {path.parent.name}/{path.name}; copy the whole pipeline folder again.",
        file=f"{path.parent.name}/{path.name}",
    )
