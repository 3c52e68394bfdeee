"""Row G3 of `bench/gpu.py`: a picture by SDXL beside diffusers' pipeline. True shape on a GPU, tiny elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PARTS = ("unet", "vae", "text_encoder", "text_encoder_2", "noise")
_TINY: dict[str, dict[str, Any]] = {
    "unet": {
        "block_out_channels": (32, 32, 64),
        "transformer_layers_per_block": (1, 1, 2),
        "attention_head_dim": (1, 2, 4),
        "layers_per_block": 1,
        "cross_attention_dim": 80,
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 88,
        "norm_num_groups": 8,
    },
    "vae": {"block_out_channels": (16, 16, 16, 16), "layers_per_block": 1, "norm_num_groups": 8},
    "text_encoder": {"hidden_size": 32, "num_hidden_layers": 3, "intermediate_size": 64, "num_attention_heads": 2},
    "text_encoder_2": {
        "hidden_size": 48,
        "num_hidden_layers": 2,
        "intermediate_size": 64,
        "num_attention_heads": 2,
        "projection_dim": 40,
    },
    "noise": {},
}
"""What differs from the shipped configurations on a CPU, where only the logic is to run."""


def build(folder: Path, device: str) -> Any:
    """A diffusers pipeline with random weights, in half precision on a GPU; it is saved in `folder` too."""
    import torch
    from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    from generator.device import Compute
    from generator.models.single_file import CONFIGS, clip_tokenizer

    is_large = device == "cuda"
    known = {part: json.loads((CONFIGS / "sdxl" / f"{part}.json").read_text("utf-8")) for part in _PARTS}
    config = known if is_large else {part: known[part] | _TINY[part] for part in _PARTS}
    tokenizers = [clip_tokenizer(), clip_tokenizer("!")]
    for tokenizer in tokenizers:
        tokenizer.model_max_length = 77
    torch.manual_seed(11)
    dtype = Compute.resolve(device, "auto").dtype
    with torch.device(device):
        parts = {
            "unet": UNet2DConditionModel.from_config(config["unet"]),
            "vae": AutoencoderKL.from_config(config["vae"]),
            "text_encoder": CLIPTextModel(CLIPTextConfig(**config["text_encoder"])),
            "text_encoder_2": CLIPTextModelWithProjection(CLIPTextConfig(**config["text_encoder_2"])),
        }
    noise = EulerDiscreteScheduler.from_config(config["noise"], timestep_spacing="linspace")
    pipeline = StableDiffusionXLPipeline(
        **{name: part.to(dtype) for name, part in parts.items()},
        tokenizer=tokenizers[0],
        tokenizer_2=tokenizers[1],
        scheduler=noise,
        add_watermarker=False,
    )
    pipeline.save_pretrained(str(folder), safe_serialization=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def peer_picture(peer: Any, prompt: str, steps: int, side: int) -> Any:
    """The pipeline's picture of seed 11, as Pillow's image."""
    import torch

    made = peer(
        prompt,
        # An empty negative prompt is zeros here and there: it reads the configuration, this the web UI's rule.
        num_inference_steps=steps,
        guidance_scale=7.0,
        width=side,
        height=side,
        generator=torch.Generator("cpu").manual_seed(11),
    )
    return made.images[0]


def row(
    seconds: Callable[[Callable[[], object]], float],
    ours: Callable[[], Any],
    theirs: Callable[[], Any],
    psnr: Callable[[Any, Any], float],
) -> dict[str, Any]:
    """Both in turn: milliseconds, their ratio, how alike the pictures are."""
    own, other = seconds(ours), seconds(theirs)
    return {
        "ours_ms": round(1000 * own, 1),
        "diffusers_ms": round(1000 * other, 1),
        "times_as_fast": round(other / own, 2),
        "psnr_db": psnr(ours(), theirs()),
    }
