"""From a source picture to the place in the schedule where img2img starts."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from generator.models.checkpoint import Checkpoint
from generator.request import SourcePicture
from generator.sampling.noise import SampleNoise
from generator.sampling.noise_settings import NoiseSettings
from generator.source_pixels import LATENT_UPSCALE, Overlay, Size, StartPixels, start_pixels

_REMEMBERED = 8  # encoded sources; the pictures of one job share theirs


@dataclass(frozen=True)
class LatentMask:
    """Keeps the source where nothing is to be drawn: laid over every guess of the clean latents.

    A1111's rule: `denoised * drawn + source * (1 - drawn)`.
    """

    source: Tensor
    """Clean latents `(1, C, h, w)`."""
    drawn: Tensor
    """`(1, 1, h, w)`, 1 where the picture is drawn anew, 0 where it is kept."""

    def __call__(self, denoised: Tensor) -> Tensor:
        """`denoised` with the source where it is kept."""
        return denoised * self.drawn + self.source * (1 - self.drawn)


@dataclass(frozen=True)
class Start:
    """Where one img2img picture begins."""

    latents: Tensor
    """Clean, `(1, C, h, w)`; noise is added later."""
    keep: LatentMask | None
    overlay: Overlay | None
    notes: tuple[str, ...]


class SourceEncoder:
    """Encodes sources with one checkpoint's VAE and remembers the last few."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Encodes nothing yet."""
        self._checkpoint = checkpoint
        self._known: OrderedDict[tuple[int, str], Tensor] = OrderedDict()

    def encode(self, image: Image.Image) -> Tensor:
        """Clean latents of an RGB picture whose sides are whole cells: float32 `(1, C, h, w)`."""
        data = image.tobytes()
        key = (id(self._checkpoint.vae), hashlib.sha256(data + repr(image.size).encode()).hexdigest())
        if key not in self._known:
            self._known[key] = self._checkpoint.encode(pixels_of(image))
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]


def start_from(
    source: SourcePicture, size: Size, encoder: SourceEncoder, seed: int, settings: NoiseSettings, cell: int
) -> Start:
    """Encode the source and lay out what is kept of it.

    Args:
        source: The picture, its mask and how they are used.
        size: (width, height) to draw, in pixels, whole cells.
        encoder: Of the request's checkpoint.
        seed: For masked content `latent noise`.
        settings: Where that noise comes from; variation seeds do not reach it, as in the web UI.
        cell: Pixels per latent cell.
    """
    pixels = start_pixels(source, size)
    latents = encoder.encode(pixels.image)
    height, width = size[1] // cell, size[0] // cell
    if source.settings.resize_mode == LATENT_UPSCALE and latents.shape[2:] != (height, width):
        latents = functional.interpolate(latents, size=(height, width), mode="bilinear")
    if pixels.mask is None:
        return Start(latents, None, pixels.overlay, pixels.notes)
    drawn = _latent_mask(pixels.mask, (width, height)).to(latents.device)
    content = source.settings.inpaint.masked_content if source.settings.inpaint is not None else "original"
    if content == "latent noise":
        plain = replace(settings, variation_strength=0.0)
        noise = SampleNoise(seed, (latents.shape[1], height, width), plain, latents.device)
        latents = latents * (1 - drawn) + noise.normal() * drawn
    elif content == "latent nothing":
        latents = latents * (1 - drawn)
    return Start(latents, LatentMask(latents, drawn), pixels.overlay, pixels.notes)


def pixels_of(image: Image.Image) -> Tensor:
    """An RGB picture as float32 `(1, 3, H, W)` in 0..1."""
    levels = torch.from_numpy(np.array(image.convert("RGB"), dtype=np.float32))
    return levels.div(255).permute(2, 0, 1).unsqueeze(0)


def _latent_mask(mask: Image.Image, cells: Size) -> Tensor:
    """One value per cell, 0 or 1: `(1, 1, h, w)`. Bicubic and rounded, as the web UI makes it."""
    small = np.array(mask.resize(cells, Image.Resampling.BICUBIC), dtype=np.float32) / 255
    return torch.from_numpy(np.around(small)).reshape(1, 1, cells[1], cells[0])


__all__ = ["LatentMask", "SourceEncoder", "Start", "StartPixels", "pixels_of", "start_from"]
