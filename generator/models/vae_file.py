"""A VAE from a file of its own, in place of the one a checkpoint brings."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from generator.errors import ModelRefused
from generator.models.catalogue import ModelEntry
from generator.models.checkpoint import Checkpoint, vae_compute
from generator.models.ldm_keys import VAE_PREFIX, vae_to_diffusers
from generator.models.weights import fill, read_weights

_DIFFUSERS_MARK = "decoder.mid_block.resnets.0.conv1.weight"
_LDM_MARK = "decoder.mid.block_1.conv1.weight"


def read_vae(entry: ModelEntry, checkpoint: Checkpoint) -> nn.Module:
    """The VAE of a file, built to the checkpoint's own configuration: latents keep their scale.

    Args:
        entry: A `.safetensors` file in the original layout (with or without `first_stage_model.`) or diffusers'.
        checkpoint: Whose VAE it stands in for; it is not changed.

    Raises:
        ModelRefused: code `weights_do_not_fit`; it is no VAE, or one of another shape.
    """
    own: Any = checkpoint.vae
    weights = _diffusers_names(entry, read_weights(entry.path), own.config)
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the configuration carries names that only its own loader knows
        vae: nn.Module = type(own).from_config(dict(own.config))
    fill(vae, weights, vae_compute(checkpoint.compute, own.config), f"{entry.name} (VAE)")
    return vae


def _diffusers_names(entry: ModelEntry, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> dict[str, Tensor]:
    if _DIFFUSERS_MARK in tensors:
        return dict(tensors)
    prefixed = tensors if f"{VAE_PREFIX}{_LDM_MARK}" in tensors else {VAE_PREFIX + k: v for k, v in tensors.items()}
    if f"{VAE_PREFIX}{_LDM_MARK}" not in prefixed or "layers_per_block" not in config:
        refused = ModelRefused(f"{entry.path.name} holds no VAE this engine knows.", file=entry.path.name)
        refused.with_code("weights_do_not_fit")
        raise refused
    return vae_to_diffusers(prefixed, config)
