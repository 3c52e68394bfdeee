"""One opened checkpoint: UNet, VAE, text encoders and noise levels of a Stable Diffusion 1.x or SDXL model."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from generator.device import Compute, lay_out
from generator.errors import GeneratorError, ModelRefused
from generator.models.catalogue import ModelEntry
from generator.models.text_tower import TextParts, TextTower
from generator.sampling.noise_levels import NoiseLevels
from prompts.torch_guard import ensure_torchvision

_PROJECTION = "text_projection."


@dataclass(frozen=True)
class CheckpointParts:
    """What a loader found, before anything is built: configurations and weights by part."""

    unet_config: Mapping[str, Any]
    vae_config: Mapping[str, Any]
    """Its `_class_name` is `AutoencoderKL` or `AutoencoderTiny`."""
    noise_config: Mapping[str, Any]
    """The pipeline's noise scheduler configuration: betas and prediction type."""
    unet: Mapping[str, Tensor]
    vae: Mapping[str, Tensor]
    texts: tuple[TextParts, ...]
    """One text encoder (SD1.x) or two (SDXL)."""


@dataclass(frozen=True)
class AddedConditions:
    """What SDXL's UNet reads beside the text context."""

    pooled: Tensor
    """float32 `(rows, width)`: the prompt in one vector."""
    size_ids: Tensor
    """float32 `(rows, 6)`: original height and width, top and left of the crop, target height and width."""

    def rows(self, piece: slice) -> AddedConditions:
        """Some of the rows."""
        return AddedConditions(self.pooled[piece], self.size_ids[piece])


@dataclass
class Checkpoint:
    """An opened checkpoint. Its weights change only through `generator.models.lora`."""

    entry: ModelEntry
    compute: Compute
    unet: nn.Module
    vae: nn.Module
    towers: tuple[TextTower, ...]
    levels: NoiseLevels
    latent_channels: int
    latent_cell: int
    """Pixels per latent cell, 8 for Stable Diffusion."""

    @property
    def text_encoder(self) -> nn.Module:
        """The first (or only) text encoder."""
        return self.towers[0].encoder

    @property
    def tokenizer(self) -> Any:
        """The first text encoder's tokenizer; SDXL's second differs in its padding alone."""
        return self.towers[0].tokenizer

    @property
    def wants_added(self) -> bool:
        """Whether the UNet reads `AddedConditions`, as SDXL's does."""
        return len(self.towers) > 1

    def tokenize(self, text: str) -> list[int]:
        """Token ids of `text` without start, end or padding; any length."""
        return self.towers[0].tokenize(text)

    @property
    def comma(self) -> int:
        """The id of the token a comma becomes; -1 when there is none."""
        found = self.tokenizer.convert_tokens_to_ids(",</w>")
        return -1 if found is None else int(found)

    @torch.inference_mode()
    def predict(
        self, latents: Tensor, timesteps: Tensor, context: Tensor, added: AddedConditions | None = None
    ) -> Tensor:
        """One UNet call.

        Args:
            latents: float32 `(rows, C, h, w)`.
            timesteps: float32 `(rows,)`, one per row.
            context: float32 `(rows, tokens, width)`.
            added: For SDXL alone, as many rows.

        Returns:
            float32 `(rows, C, h, w)`.
        """
        dtype = self.compute.dtype
        conditions = None
        if added is not None:
            conditions = {"text_embeds": added.pooled.to(dtype), "time_ids": added.size_ids}
        inputs = (latents.to(dtype), timesteps, context.to(dtype))
        out = self.unet(*inputs, added_cond_kwargs=conditions, return_dict=False)[0]
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

    unet_class, vae_classes, _, _ = _heavy_classes()
    vae_name = str(parts.vae_config.get("_class_name", "AutoencoderKL"))
    if vae_name not in vae_classes:
        raise GeneratorError(f"{entry.name} has a VAE of the unknown kind {vae_name!r}.", got=vae_name)
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # configurations of other versions carry keys this one warns about
            unet = unet_class.from_config(dict(parts.unet_config))
            vae = vae_classes[vae_name].from_config(dict(parts.vae_config))
            encoders = [_text_networks(text.config, is_projected=i > 0) for i, text in enumerate(parts.texts)]
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RuntimeError) as bad:
        refused = ModelRefused(f"The configuration of {entry.name} makes no network ({type(bad).__name__}).")
        raise refused.with_code("model_config_invalid") from bad
    fill(unet, parts.unet, compute, f"{entry.name} (UNet)")
    fill(vae, parts.vae, vae_compute(compute, parts.vae_config), f"{entry.name} (VAE)")
    towers = []
    for text, (encoder, projection) in zip(parts.texts, encoders, strict=True):
        fill(encoder, text.weights, compute, f"{entry.name} (text encoder)")
        if projection is not None:
            own = {k.removeprefix(_PROJECTION): w for k, w in text.weights.items()}
            fill(projection, own, compute, f"{entry.name} (text projection)")
        layers = int(encoder.config.num_hidden_layers)
        towers.append(TextTower(encoder, projection, text.tokenizer, compute, layers, len(encoders) > 1))
    lay_out(unet, compute)
    lay_out(vae, compute, is_vae=True)
    return Checkpoint(
        entry=entry,
        compute=compute,
        unet=unet,
        vae=vae,
        towers=tuple(towers),
        levels=noise_levels(parts.noise_config),
        latent_channels=int(vae.config.latent_channels),
        latent_cell=_latent_cell(vae_name, vae.config),
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


def _text_networks(config: Mapping[str, Any], *, is_projected: bool) -> tuple[Any, nn.Module | None]:
    """A text encoder and its projection, without weights."""
    _, _, text_class, config_class = _heavy_classes()
    encoder = text_class(config_class(**_text_arguments(config)))
    if not is_projected:
        return encoder, None
    return encoder, nn.Linear(encoder.config.hidden_size, encoder.config.projection_dim, bias=False)


def _text_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    dropped = ("architectures", "dtype", "torch_dtype", "transformers_version", "model_type", "_name_or_path")
    return {k: v for k, v in config.items() if k not in dropped}


def vae_compute(compute: Compute, config: Mapping[str, Any]) -> Compute:
    """Where and in which precision a VAE works.

    SD1.5's and SDXL's overflow in float16 (black pictures), so they stay in float32 there. One whose configuration
    says `force_upcast: false` was made for float16.
    """
    is_fragile = compute.dtype == torch.float16 and config.get("force_upcast", True)
    return Compute(compute.device, torch.float32 if is_fragile else compute.dtype)


def _latent_cell(vae_name: str, config: Any) -> int:
    if vae_name == "AutoencoderTiny":
        return int(2 ** (len(config.decoder_block_out_channels) - 1))
    return int(2 ** (len(config.block_out_channels) - 1))
