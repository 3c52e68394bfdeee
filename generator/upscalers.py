"""The hires fix's upscalers by A1111's names: six on latents, two on pixels."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional

from generator.errors import UnsupportedSpell
from generator.models.checkpoint import Checkpoint
from generator.preview import to_picture

_LATENT: Mapping[str, tuple[str, bool]] = MappingProxyType(
    {
        "Latent": ("bilinear", False),
        "Latent (antialiased)": ("bilinear", True),
        "Latent (bicubic)": ("bicubic", False),
        "Latent (bicubic antialiased)": ("bicubic", True),
        "Latent (nearest)": ("nearest", False),
        "Latent (nearest-exact)": ("nearest-exact", False),
    }
)
_PIXEL = ("Lanczos", "Nearest")


def check_upscaler(name: str) -> None:
    """Raise unless this engine has the upscaler.

    Raises:
        UnsupportedSpell: With the names it has.
    """
    if name not in _LATENT and name not in _PIXEL:
        known = [*_LATENT, *_PIXEL]
        raise UnsupportedSpell(
            f"The upscaler {name!r} is not supported here; 'Latent' and 'Lanczos' are.",
            field="upscaler",
            got=name,
            near=known,
        )


def upscale(latents: Tensor, name: str, size: tuple[int, int], checkpoint: Checkpoint) -> Tensor:
    """Clean latents at a larger size.

    Args:
        latents: `(1, C, h, w)`.
        name: An upscaler that `check_upscaler` accepts.
        size: (width, height) in pixels; whole latent cells are kept.
        checkpoint: Its VAE is needed by the pixel upscalers.

    Returns:
        `(1, C, height // cell, width // cell)`.
    """
    cell = checkpoint.latent_cell
    width, height = (side // cell for side in size)
    if name in _LATENT:
        mode, antialias = _LATENT[name]
        return functional.interpolate(latents, size=(height, width), mode=mode, antialias=antialias)
    pixels = resize_pixels(checkpoint.decode(latents), name, (width * cell, height * cell))
    return checkpoint.encode(pixels)


def resize_pixels(pixels: Tensor, name: str, size: tuple[int, int]) -> Tensor:
    """`(1, 3, H, W)` pixels in 0..1 at another (width, height), by Pillow's filter on 8-bit RGB."""
    from PIL import Image  # noqa: PLC0415 - only the pixel upscalers need it

    filters = {"Lanczos": Image.Resampling.LANCZOS, "Nearest": Image.Resampling.NEAREST}
    picture = to_picture(pixels)
    image = Image.frombytes("RGB", (picture.width, picture.height), picture.rgb).resize(size, filters[name])
    width, height = size
    flat = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).reshape(height, width, 3)
    return flat.permute(2, 0, 1).float().div(255).unsqueeze(0).to(pixels.device)
