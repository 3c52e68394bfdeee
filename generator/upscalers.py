"""Upscalers by A1111's names: six on latents; Lanczos, Nearest and networks (ESRGAN and its kin) on pixels."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional

from generator.errors import UnsupportedSpell
from generator.models.checkpoint import Checkpoint
from generator.models.upscaler_network import UpscalerNetwork, UpscalerNetworks
from generator.preview import to_picture
from prompts.errors import near_hint, near_names

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


def check_upscaler(name: str, networks: UpscalerNetworks) -> UpscalerNetwork | None:
    """The network that an upscaler's name means; `None` for those that need none.

    Raises:
        UnsupportedSpell: There is none of that name; with the names there are.
        ModelRefused: The network is there but cannot be used.
    """
    if name in _LATENT or name in _PIXEL:
        return None
    network = networks.find(name)
    if network is None:
        known = [*_LATENT, *_PIXEL, *networks.names()]
        raise UnsupportedSpell(
            f"There is no upscaler called {name!r} here.{near_hint(near_names(name, known))} Networks go to the folder "
            "of upscalers as .safetensors.",
            field="upscaler",
            got=name,
            near=known,
        )
    return network


def upscale(
    latents: Tensor,
    name: str,
    size: tuple[int, int],
    checkpoint: Checkpoint,
    network: UpscalerNetwork | None = None,
) -> Tensor:
    """Clean latents at a larger size.

    Args:
        latents: `(1, C, h, w)`.
        name: An upscaler that `check_upscaler` accepts.
        size: (width, height) in pixels; whole latent cells are kept.
        checkpoint: Its VAE is needed by the pixel upscalers.
        network: What `check_upscaler` gave for the name.

    Returns:
        `(1, C, height // cell, width // cell)`.
    """
    cell = checkpoint.latent_cell
    width, height = (side // cell for side in size)
    if name in _LATENT:
        mode, antialias = _LATENT[name]
        return functional.interpolate(latents, size=(height, width), mode=mode, antialias=antialias)
    return checkpoint.encode(upscale_pixels(checkpoint.decode(latents), name, (width * cell, height * cell), network))


def upscale_pixels(pixels: Tensor, name: str, size: tuple[int, int], network: UpscalerNetwork | None = None) -> Tensor:
    """`(1, 3, H, W)` pixels in 0..1 at another (width, height), by a pixel upscaler.

    A network enlarges until the picture covers `size`; Lanczos does the rest.
    """
    if network is None:
        return resize_pixels(pixels, name, size)
    return resize_pixels(network.cover(pixels, size).to(pixels.device), "Lanczos", size)


def resize_pixels(pixels: Tensor, name: str, size: tuple[int, int]) -> Tensor:
    """`(1, 3, H, W)` pixels in 0..1 at another (width, height), by Pillow's filter on 8-bit RGB."""
    from PIL import Image  # noqa: PLC0415 - only the pixel upscalers need it

    filters = {"Lanczos": Image.Resampling.LANCZOS, "Nearest": Image.Resampling.NEAREST}
    picture = to_picture(pixels)
    image = Image.frombytes("RGB", (picture.width, picture.height), picture.rgb).resize(size, filters[name])
    width, height = size
    flat = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).reshape(height, width, 3)
    return flat.permute(2, 0, 1).float().div(255).unsqueeze(0).to(pixels.device)
