"""Builds the networks of a demo family, untrained, from its shape."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import Tensor, nn

from generator.demo.shape import FamilyShape
from generator.demo.tokenizer import CONTEXT_LENGTH
from prompts.torch_guard import ensure_torchvision


def library(name: str) -> Any:
    """The module `name` of diffusers, transformers or open_clip, imported behind the torchvision guard."""
    ensure_torchvision()
    return importlib.import_module(name)


def build_unet(shape: FamilyShape, sample_size: int) -> nn.Module:
    """A `UNet2DConditionModel` for latents of 4 channels.

    Args:
        shape: Sizes.
        sample_size: Side of the latents it is made for.
    """
    levels = range(len(shape.unet_channels))
    plain = shape.unet_plain_levels
    down = tuple("DownBlock2D" if i in plain else "CrossAttnDownBlock2D" for i in levels)
    up = tuple("UpBlock2D" if i in plain else "CrossAttnUpBlock2D" for i in reversed(levels))
    unet: nn.Module = library("diffusers").UNet2DConditionModel(
        sample_size=sample_size,
        in_channels=4,
        out_channels=4,
        block_out_channels=shape.unet_channels,
        layers_per_block=shape.unet_layers,
        down_block_types=down,
        up_block_types=up,
        cross_attention_dim=shape.text_width,
        # diffusers reads this name as the number of heads, as Stable Diffusion 1.5 does.
        attention_head_dim=4,
        norm_num_groups=16,
    )
    return unet


def use_plain_attention(unet: nn.Module) -> nn.Module:
    """Let `unet` multiply its attention out, for training: on a CPU torch's fused backward pass is far slower.

    Measured at batch 32 on 16 x 16 latents: 0.50 instead of 0.71 CPU seconds per step.
    """
    plain = library("diffusers.models.attention_processor").AttnProcessor()
    unet.set_attn_processor(plain)  # type: ignore[operator]
    return unet


def build_vae(shape: FamilyShape, sample_size: int) -> nn.Module:
    """An `AutoencoderKL` with latents of 4 channels.

    Args:
        shape: Sizes.
        sample_size: Side of the pictures it is made for.
    """
    levels = len(shape.vae_channels)
    vae: nn.Module = library("diffusers").AutoencoderKL(
        block_out_channels=shape.vae_channels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=sample_size,
        scaling_factor=1.0,
    )
    return vae


def dual_encoder_config(shape: FamilyShape, vocabulary_size: int) -> dict[str, Any]:
    """The `open_clip_config.json` of a family; the text pools at the highest id, the end of text."""
    text = {
        "context_length": CONTEXT_LENGTH,
        "vocab_size": vocabulary_size,
        "width": shape.text_width,
        "heads": shape.text_width // shape.head_width,
        "layers": shape.text_layers,
        # Any name makes open_clip read the tokenizer beside the config.
        "hf_tokenizer_name": "tokenizer",
        "tokenizer_kwargs": {"clean": "whitespace"},
    }
    vision = {
        "image_size": shape.vision_size,
        "layers": shape.vision_layers,
        "width": shape.vision_width,
        "head_width": shape.head_width,
        "patch_size": shape.vision_patch,
    }
    half = [0.5, 0.5, 0.5]
    preprocess = {"mean": half, "std": half, "interpolation": "bicubic", "resize_mode": "squash"}
    model = {"embed_dim": shape.text_width, "vision_cfg": vision, "text_cfg": text}
    return {"model_cfg": model, "preprocess_cfg": preprocess}


def build_dual_encoder(config: dict[str, Any]) -> nn.Module:
    """An open_clip `CLIP` for a config of `dual_encoder_config`."""
    model: nn.Module = library("open_clip.model").CLIP(**config["model_cfg"])
    return model


def text_tower(dual_encoder: nn.Module, shape: FamilyShape, vocabulary_size: int) -> nn.Module:
    """The text half of an open_clip `CLIP` as a transformers `CLIPTextModel` with the same weights."""
    transformers = library("transformers")
    end = vocabulary_size - 1
    config = transformers.CLIPTextConfig(
        vocab_size=vocabulary_size,
        hidden_size=shape.text_width,
        intermediate_size=4 * shape.text_width,
        num_hidden_layers=shape.text_layers,
        num_attention_heads=shape.text_width // shape.head_width,
        max_position_embeddings=CONTEXT_LENGTH,
        projection_dim=shape.text_width,
        hidden_act="gelu",
        bos_token_id=end - 1,
        eos_token_id=end,
        pad_token_id=end,
    )
    tower: nn.Module = transformers.CLIPTextModel(config)
    own_prefix = "text_model." if any(k.startswith("text_model.") for k in tower.state_dict()) else ""
    renamed = _rename_text_weights(dual_encoder.state_dict())
    tower.load_state_dict({own_prefix + name: tensor for name, tensor in renamed.items()}, strict=True)
    return tower.eval()


def _rename_text_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """open_clip's names of the text tower as transformers' names; the fused qkv projection is split."""
    renamed = {
        "embeddings.token_embedding.weight": state["token_embedding.weight"],
        "embeddings.position_embedding.weight": state["positional_embedding"],
        "final_layer_norm.weight": state["ln_final.weight"],
        "final_layer_norm.bias": state["ln_final.bias"],
    }
    pairs = (("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"), ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2"))
    layers = {int(key.split(".")[2]) for key in state if key.startswith("transformer.resblocks.")}
    for i in layers:
        old, new = f"transformer.resblocks.{i}.", f"encoder.layers.{i}."
        for suffix in ("weight", "bias"):
            fused = state[f"{old}attn.in_proj_{suffix}"]
            for letter, part in zip("qkv", torch.chunk(fused, 3), strict=True):
                renamed[f"{new}self_attn.{letter}_proj.{suffix}"] = part
            renamed[f"{new}self_attn.out_proj.{suffix}"] = state[f"{old}attn.out_proj.{suffix}"]
            for theirs, ours in pairs:
                renamed[f"{new}{ours}.{suffix}"] = state[f"{old}{theirs}.{suffix}"]
    return renamed
