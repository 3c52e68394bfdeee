"""One opened checkpoint: UNet, VAE, text encoder, tokenizer and noise levels of an SD1.5-shaped model."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from generator.device import Compute
from generator.errors import GeneratorError, ModelRefused, UnsupportedSpell
from generator.models.catalogue import ModelEntry
from generator.sampling.noise_levels import NoiseLevels
from prompts.torch_guard import ensure_torchvision

TEXT_TOKENS = 77
"""Tokens the text encoder reads at once: start, 75 of the prompt, end."""


@dataclass(frozen=True)
class CheckpointParts:
    """What a loader found, before anything is built: configurations and weights by part."""

    unet_config: Mapping[str, Any]
    vae_config: Mapping[str, Any]
    """Its `_class_name` is `AutoencoderKL` or `AutoencoderTiny`."""
    text_config: Mapping[str, Any]
    noise_config: Mapping[str, Any]
    """The pipeline's noise scheduler configuration: betas and prediction type."""
    unet: Mapping[str, Tensor]
    vae: Mapping[str, Tensor]
    text: Mapping[str, Tensor]
    """Keys without the `text_model.` prefix of older files."""
    tokenizer: Any
    """A transformers `CLIPTokenizer`."""


@dataclass
class Checkpoint:
    """An opened checkpoint. Its weights change only through `generator.models.lora`."""

    entry: ModelEntry
    compute: Compute
    unet: nn.Module
    vae: nn.Module
    text_encoder: nn.Module
    tokenizer: Any
    levels: NoiseLevels
    latent_channels: int
    latent_cell: int
    """Pixels per latent cell, 8 for Stable Diffusion."""
    layers: int
    """Layers of the text encoder: the largest clip skip."""

    def tokenize(self, text: str) -> list[int]:
        """Token ids of `text` without start, end or padding; any length."""
        with warnings.catch_warnings():
            # transformers warns past 77 tokens; cutting into chunks comes later.
            warnings.simplefilter("ignore")
            ids: list[int] = self.tokenizer(text, add_special_tokens=False, truncation=False, verbose=False).input_ids
        return ids

    @property
    def comma(self) -> int:
        """The id of the token a comma becomes; -1 when there is none."""
        found = self.tokenizer.convert_tokens_to_ids(",</w>")
        return -1 if found is None else int(found)

    @torch.inference_mode()
    def encode_tokens(self, ids: list[list[int]], clip_skip: int) -> Tensor:
        """Text embeddings of chunks.

        Args:
            ids: Per chunk 77 token ids, start and end included.
            clip_skip: 1 is the last layer, 2 the one before it; the final layer norm is applied either way.

        Returns:
            float32 `(chunks, 77, width)`.

        Raises:
            UnsupportedSpell: The text encoder has fewer layers than `clip_skip`.
        """
        if clip_skip > self.layers:
            raise UnsupportedSpell(
                f"Clip skip {clip_skip} is more than the {self.layers} layers of this checkpoint's text encoder.",
                field="clip_skip",
                got=clip_skip,
                limit=self.layers,
            )
        tokens = torch.tensor(ids, device=self.compute.device)
        if clip_skip == 1:
            return torch.as_tensor(self.text_encoder(tokens).last_hidden_state).float()
        hidden = self.text_encoder(tokens, output_hidden_states=True).hidden_states[-clip_skip]
        # Not the pipelines' clip_skip: with transformers >= 5.6 that fails (diffusers issue #14124).
        final_layer_norm: Any = self.text_encoder.final_layer_norm
        return torch.as_tensor(final_layer_norm(hidden)).float()

    @torch.inference_mode()
    def predict(self, latents: Tensor, timesteps: Tensor, context: Tensor) -> Tensor:
        """One UNet call.

        Args:
            latents: float32 `(rows, C, h, w)`.
            timesteps: float32 `(rows,)`, one per row.
            context: float32 `(rows, tokens, width)`.

        Returns:
            float32 `(rows, C, h, w)`.
        """
        dtype = self.compute.dtype
        out = self.unet(latents.to(dtype), timesteps, context.to(dtype), return_dict=False)[0]
        return torch.as_tensor(out).float()

    @torch.inference_mode()
    def decode(self, latents: Tensor, *, in_tiles: bool = False) -> Tensor:
        """Pixels of clean latents `(1, C, h, w)`: float32 `(1, 3, H, W)`, clipped to 0..1.

        `in_tiles` decodes overlapping pieces one by one: less memory, and almost the same pixels.
        """
        vae, config = self._vae_and_config()
        shifted = latents / config.scaling_factor + (getattr(config, "shift_factor", None) or 0.0)
        vae.enable_tiling() if in_tiles else vae.disable_tiling()
        pixels = vae.decode(shifted.to(self._vae_dtype), return_dict=False)[0]
        return torch.as_tensor(pixels).float().div(2).add(0.5).clamp(0, 1)

    @torch.inference_mode()
    def encode(self, pixels: Tensor) -> Tensor:
        """Clean latents of pixels `(1, 3, H, W)` in 0..1; the mean of the encoder's distribution."""
        vae, config = self._vae_and_config()
        encoded = vae.encode((pixels * 2 - 1).to(self.compute.device, self._vae_dtype))
        mean = encoded.latent_dist.mode() if hasattr(encoded, "latent_dist") else encoded.latents
        shift = getattr(config, "shift_factor", None) or 0.0
        return torch.as_tensor(mean).float().sub(shift).mul(config.scaling_factor)

    def _vae_and_config(self) -> tuple[Any, Any]:
        return self.vae, self.vae.config

    @property
    def _vae_dtype(self) -> torch.dtype:
        return next(self.vae.parameters()).dtype


def build_checkpoint(entry: ModelEntry, parts: CheckpointParts, compute: Compute) -> Checkpoint:
    """Build the networks from their parts and put them on the device.

    Raises:
        ModelRefused: Weights do not fit the configuration.
        GeneratorError: A configuration of a kind this engine does not run.
    """
    # Imported here on purpose: see _heavy_classes.
    from generator.models.weights import fill  # noqa: PLC0415

    unet_class, vae_classes, text_class, text_config_class = _heavy_classes()
    vae_name = str(parts.vae_config.get("_class_name", "AutoencoderKL"))
    if vae_name not in vae_classes:
        raise GeneratorError(f"{entry.name} has a VAE of the unknown kind {vae_name!r}.", got=vae_name)
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # configurations of other versions carry keys this one warns about
            unet = unet_class.from_config(dict(parts.unet_config))
            vae = vae_classes[vae_name].from_config(dict(parts.vae_config))
            text_encoder = text_class(text_config_class(**_text_arguments(parts.text_config)))
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RuntimeError) as bad:
        refused = ModelRefused(f"The configuration of {entry.name} makes no network ({type(bad).__name__}).")
        raise refused.with_code("model_config_invalid") from bad
    fill(unet, parts.unet, compute, f"{entry.name} (UNet)")
    fill(vae, parts.vae, _vae_compute(compute), f"{entry.name} (VAE)")
    fill(text_encoder, parts.text, compute, f"{entry.name} (text encoder)")
    return Checkpoint(
        entry=entry,
        compute=compute,
        unet=unet,
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=parts.tokenizer,
        levels=noise_levels(parts.noise_config),
        latent_channels=int(vae.config.latent_channels),
        latent_cell=_latent_cell(vae_name, vae.config),
        layers=int(text_encoder.config.num_hidden_layers),
    )


def noise_levels(config: Mapping[str, Any]) -> NoiseLevels:
    """The noise levels described by a diffusers noise scheduler configuration.

    Raises:
        GeneratorError: A beta schedule this engine does not know.
    """
    start, end = float(config.get("beta_start", 0.00085)), float(config.get("beta_end", 0.012))
    count = int(config.get("num_train_timesteps", 1000))
    schedule = config.get("beta_schedule", "scaled_linear")
    trained = config.get("trained_betas")
    if trained is not None:
        betas = torch.tensor(trained, dtype=torch.float64)
    elif schedule == "scaled_linear":
        betas = torch.linspace(start**0.5, end**0.5, count, dtype=torch.float64).square()
    elif schedule == "linear":
        betas = torch.linspace(start, end, count, dtype=torch.float64)
    else:
        raise GeneratorError(f"The checkpoint's beta schedule {schedule!r} is unknown.", got=str(schedule))
    return NoiseLevels.from_betas(
        betas,
        str(config.get("prediction_type", "epsilon")),
        rescale_zero_terminal_snr=bool(config.get("rescale_betas_zero_snr", False)),
    )


def _heavy_classes() -> tuple[Any, dict[str, Any], Any, Any]:
    """The network classes; imported late, because diffusers and transformers take seconds."""
    ensure_torchvision()
    from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel  # noqa: PLC0415
    from transformers import CLIPTextConfig, CLIPTextModel  # noqa: PLC0415

    vaes = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}
    return UNet2DConditionModel, vaes, CLIPTextModel, CLIPTextConfig


def _text_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    dropped = ("architectures", "dtype", "torch_dtype", "transformers_version", "model_type", "_name_or_path")
    return {k: v for k, v in config.items() if k not in dropped}


def _vae_compute(compute: Compute) -> Compute:
    """SD1.5's VAE overflows in float16 (black pictures), so it stays in float32 there."""
    return Compute(compute.device, torch.float32 if compute.dtype == torch.float16 else compute.dtype)


def _latent_cell(vae_name: str, config: Any) -> int:
    if vae_name == "AutoencoderTiny":
        return int(2 ** (len(config.decoder_block_out_channels) - 1))
    return int(2 ** (len(config.block_out_channels) - 1))
