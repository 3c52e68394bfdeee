"""Which Stable Diffusion family a model file belongs to, told from its keys and shapes. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from generator.models.safetensors_header import SafetensorsHeader, TensorInfo

Family = Literal["sd15", "sdxl", "unknown"]

_SD15_TEXT_WIDTH = 768
_SDXL_TEXT_WIDTH = 2048
_PIPELINE_FAMILIES = {"StableDiffusionPipeline": "sd15", "StableDiffusionXLPipeline": "sdxl"}


def checkpoint_file_family(tensors: Mapping[str, TensorInfo]) -> Family:
    """The family of a single-file checkpoint in the original (LDM) layout; `unknown` for anything else."""
    if not any(k.startswith("model.diffusion_model.input_blocks.") for k in tensors):
        return "unknown"
    if any(k.startswith("conditioner.embedders.1.") for k in tensors):
        return "sdxl"
    if any(k.startswith("cond_stage_model.transformer.") for k in tensors):
        return "sd15"
    return "unknown"  # SD2 (cond_stage_model.model.) and everything younger


def checkpoint_folder_family(folder: Path) -> Family:
    """The family of a diffusers folder, from `model_index.json` and the UNet's `config.json`."""
    family = _PIPELINE_FAMILIES.get(str(_json(folder / "model_index.json").get("_class_name")))
    unet = _json(folder / "unet" / "config.json")
    if family == "sdxl":
        return "sdxl"
    if family == "sd15" and unet.get("cross_attention_dim") != 1024:  # 1024 is SD2's text encoder
        return "sd15"
    return "unknown"


def lora_family(header: SafetensorsHeader) -> Family:
    """The base a LoRA was trained for: its metadata, else its text-encoder keys, else its shapes."""
    declared = header.metadata.get("ss_base_model_version", "")
    architecture = header.metadata.get("modelspec.architecture", "")
    if declared.startswith("sd_v1"):
        return "sd15"
    if declared.startswith("sdxl") or architecture.startswith("stable-diffusion-xl"):
        return "sdxl"
    if architecture.startswith("stable-diffusion-v1"):
        return "sd15"
    if any(k.startswith(("lora_te2_", "text_encoder_2.")) for k in header.tensors):
        return "sdxl"
    for name, info in header.tensors.items():
        is_cross_attention = "attn2" in name and ("to_k" in name or "to_v" in name)
        if is_cross_attention and ("lora_down" in name or "lora_A" in name) and len(info.shape) >= 2:
            widths: dict[int, Family] = {_SD15_TEXT_WIDTH: "sd15", _SDXL_TEXT_WIDTH: "sdxl"}
            return widths.get(info.shape[1], "unknown")
    return "unknown"


def embedding_family(tensors: Mapping[str, TensorInfo]) -> Family:
    """The base a textual inversion was trained for, from its keys and width."""
    if "clip_l" in tensors and "clip_g" in tensors:
        return "sdxl"
    widths = {info.shape[-1] for info in tensors.values() if info.shape}
    return "sd15" if len(tensors) == 1 and widths == {_SD15_TEXT_WIDTH} else "unknown"


def _json(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
