"""Read a checkpoint from a diffusers pipeline folder; only JSON and safetensors, nothing that can run code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from generator.models.checkpoint import CheckpointParts
from generator.models.folder_parts import check_tokenizer, read_config, text_suffixes, weight_files
from generator.models.text_tower import TextParts
from generator.models.weights import read_weights
from prompts.torch_guard import ensure_torchvision

_OLD_TEXT_PREFIX = "text_model."


def read_folder(folder: Path) -> CheckpointParts:
    """Configurations, weights and tokenizer of a diffusers folder.

    Raises:
        ModelMissing: A part of the folder is not there.
        ModelRefused: A part is malformed, or there only as a pickle.
    """
    unet_config = read_config(folder / "unet" / "config.json")
    return CheckpointParts(
        unet_config=unet_config,
        vae_config=read_config(folder / "vae" / "config.json"),
        noise_config=read_config(folder / "scheduler" / "scheduler_config.json"),
        unet=_weights(folder / "unet"),
        vae=_weights(folder / "vae"),
        texts=tuple(_text(folder, suffix) for suffix in text_suffixes(unet_config)),
    )


def _text(folder: Path, suffix: str) -> TextParts:
    """A text encoder; SDXL's second one has the suffix `_2`."""
    part = folder / f"text_encoder{suffix}"
    return TextParts(
        read_config(part / "config.json"), bare_text_keys(_weights(part)), _tokenizer(folder / f"tokenizer{suffix}")
    )


def bare_text_keys(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Text encoder keys without the `text_model.` prefix that transformers wrote before version 5."""
    return {k.removeprefix(_OLD_TEXT_PREFIX): v for k, v in tensors.items()}


def _weights(part: Path) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for file in weight_files(part):
        tensors |= read_weights(file)
    return tensors


def _tokenizer(folder: Path) -> Any:
    check_tokenizer(folder)
    ensure_torchvision()
    from transformers import CLIPTokenizer  # noqa: PLC0415 - seconds of import

    return CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)
