"""A small look at an unfinished picture: a linear map from latents to colours, no decoding."""

from __future__ import annotations

import torch
from torch import Tensor

from generator.events import Picture
from generator.models.checkpoint import Checkpoint

_SD15_VAE = (128, 256, 512, 512)
# Least-squares fit of SD1.5's decoder, as published for latent previews (ComfyUI's latent formats).
_SD15_FACTORS = (
    (0.3512, 0.2297, 0.3227),
    (0.3250, 0.4974, 0.2350),
    (-0.2829, 0.1762, 0.2721),
    (-0.2120, -0.2616, -0.7177),
)
_BLOCK = 4  # latent cells of one colour patch when a map is fitted
_PATCHES = 8  # per side


class Previewer:
    """Turns latents of one checkpoint into pictures of latent size."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Nothing is computed yet; a VAE other than SD1.5's is fitted at the first preview."""
        self._checkpoint = checkpoint
        self._map: tuple[Tensor, Tensor] | None = None

    def picture(self, latents: Tensor) -> Picture:
        """`(1, C, h, w)` latents as a picture of h x w pixels."""
        factors, bias = self._map = self._map or self._find_map()
        colours = torch.einsum("bchw,cd->bdhw", latents.float().cpu(), factors) + bias.reshape(1, 3, 1, 1)
        return to_picture(colours.clamp(0, 1))

    def _find_map(self) -> tuple[Tensor, Tensor]:
        config = self._checkpoint.vae.config
        if tuple(getattr(config, "block_out_channels", ())) == _SD15_VAE:
            return torch.tensor(_SD15_FACTORS) / 2, torch.full((3,), 0.5)
        return self._fit_map()

    def _fit_map(self) -> tuple[Tensor, Tensor]:
        """Decode random colour patches once and fit colours = latents @ factors + bias."""
        channels = self._checkpoint.latent_channels
        generator = torch.Generator("cpu").manual_seed(0)
        patches = torch.randn((1, channels, _PATCHES, _PATCHES), generator=generator)
        latents = patches.repeat_interleave(_BLOCK, 2).repeat_interleave(_BLOCK, 3)
        pixels = self._checkpoint.decode(latents.to(self._checkpoint.compute.device)).cpu()
        colours = torch.nn.functional.adaptive_avg_pool2d(pixels, _PATCHES)
        inputs = torch.cat([patches[0].flatten(1).T, torch.ones(_PATCHES**2, 1)], dim=1)
        solution = torch.linalg.lstsq(inputs, colours[0].flatten(1).T).solution
        return solution[:channels], solution[channels]


def to_picture(pixels: Tensor) -> Picture:
    """`(1, 3, H, W)` in 0..1 as 8-bit RGB, rounded to the nearest."""
    rgb = pixels[0].mul(255).round().to(torch.uint8).permute(1, 2, 0).contiguous().cpu()
    height, width, _ = rgb.shape
    return Picture(width, height, rgb.numpy().tobytes())
