"""Sizes of the networks of a demo family."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FamilyShape:
    """Widths and depths; the architecture itself is always Stable Diffusion 1.5's."""

    unet_channels: tuple[int, ...]
    """Per resolution level, finest first; all but the last level of four or more carry cross-attention."""
    unet_layers: int
    """Residual blocks per level."""
    unet_plain_levels: tuple[int, ...]
    """Levels without attention."""
    vae_channels: tuple[int, ...]
    """Per resolution level, finest first; four levels make latents of an eighth of the side."""
    text_width: int
    """Width of the text tower and of the UNet's cross-attention."""
    text_layers: int
    vision_width: int
    vision_layers: int
    vision_patch: int
    """Side of the vision tower's patches, in pixels."""
    vision_size: int = 64
    """Side of the pictures the vision tower sees."""
    head_width: int = 32
    """Width of one attention head of both towers."""


RANDOM_SHAPE = FamilyShape(
    unet_channels=(32, 32, 64, 64),
    unet_layers=1,
    unet_plain_levels=(3,),
    vae_channels=(16, 16, 32, 32),
    text_width=64,
    text_layers=2,
    vision_width=64,
    vision_layers=2,
    vision_patch=16,
)

TRAINED_SHAPE = FamilyShape(
    unet_channels=(48, 96, 160),
    unet_layers=1,
    unet_plain_levels=(0,),
    vae_channels=(16, 32, 64, 96),
    text_width=192,
    text_layers=4,
    vision_width=192,
    vision_layers=4,
    vision_patch=16,
    vision_size=96,
)
