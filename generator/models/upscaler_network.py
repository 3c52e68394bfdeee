"""Upscaling networks (ESRGAN and its kin), read by spandrel and run in tiles: arXiv:1809.00219, arXiv:2107.10833.

The web UI's habits are kept: tiles of 192 pixels that overlap by 8, run again until the picture covers the target (at
most three times), and Lanczos for the rest.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from generator.device import Compute
from generator.errors import ModelRefused
from generator.models.catalogue import Catalogue, ModelEntry
from generator.models.weights import read_weights
from prompts.torch_guard import ensure_torchvision

TILE = 192  # pixels
OVERLAP = 8  # pixels
_PASSES = 3
_REMEMBERED = 1
Network = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class UpscalerNetwork:
    """A network that enlarges pictures by a whole factor."""

    name: str
    scale: int
    network: Network
    """`(1, 3, H, W)` in 0..1 to `(1, 3, scale * H, scale * W)`."""
    device: torch.device

    @torch.inference_mode()
    def cover(self, pixels: Tensor, size: tuple[int, int]) -> Tensor:
        """`(1, 3, H, W)` in 0..1, enlarged until it is at least (width, height) large, or three times."""
        width, height = size
        for turn in range(_PASSES):
            is_covered = pixels.shape[3] >= width and pixels.shape[2] >= height
            if is_covered and (turn > 0 or self.scale > 1):
                break
            pixels = self._in_tiles(pixels)
            if self.scale == 1:
                break
        return pixels

    def _in_tiles(self, pixels: Tensor) -> Tensor:
        """Every tile with its surroundings, cut back to itself; where tiles overlap, they fade into each other."""
        height, width = pixels.shape[2:]
        total = torch.zeros(1, 3, height * self.scale, width * self.scale, device=self.device)
        weights = torch.zeros(1, 1, height * self.scale, width * self.scale, device=self.device)
        for top, bottom in _spans(height):
            for left, right in _spans(width):
                tile = pixels[:, :, top:bottom, left:right].to(self.device)
                large = self.network(tile).float().clamp(0, 1)
                fade = self._fade(bottom - top, right - left)
                area = (
                    slice(None),
                    slice(None),
                    slice(top * self.scale, bottom * self.scale),
                    slice(left * self.scale, right * self.scale),
                )
                total[area] += large * fade
                weights[area] += fade
        return total / weights

    def _fade(self, height: int, width: int) -> Tensor:
        """Weights `(scale * height, scale * width)`, small at the rim, 1 in the middle."""
        rows, columns = (_ramp(side * self.scale, OVERLAP * self.scale, self.device) for side in (height, width))
        return rows[:, None] * columns[None, :]


class UpscalerNetworks:
    """The upscaling networks of this machine; keeps the last one in memory."""

    def __init__(self, catalogue: Catalogue, compute: Compute) -> None:
        """Reads nothing yet."""
        self._catalogue = catalogue
        self._compute = compute
        self._read: OrderedDict[str, UpscalerNetwork] = OrderedDict()

    def find(self, name: str) -> UpscalerNetwork | None:
        """The network meant by a name, read; `None` when there is none of that name.

        Raises:
            ModelRefused: It is there but cannot be used.
        """
        entry = self._catalogue.upscaler(name)
        if entry is None:
            self._catalogue.refresh()  # it may have come since the last scan
            entry = self._catalogue.upscaler(name)
        if entry is None:
            return None
        stat = entry.path.stat()
        key = f"{entry.path}|{stat.st_size}|{stat.st_mtime_ns}"
        if key not in self._read:
            self._read.clear()
            self._read[key] = read_upscaler(entry, self._compute)
        return self._read[key]

    def names(self) -> tuple[str, ...]:
        """Names of the usable ones, for messages."""
        return tuple(entry.name for entry in self._catalogue.upscalers() if entry.kind != "refused")


def read_upscaler(entry: ModelEntry, compute: Compute) -> UpscalerNetwork:
    """Read a network and put it on the device; its architecture is told from its keys.

    Raises:
        ModelRefused: code `upscaler_unknown`; spandrel does not know the architecture, or it is no RGB upscaler.
    """
    ensure_torchvision()
    from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError  # noqa: PLC0415 - heavy

    weights = read_weights(entry.path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own, about things the architectures still use
            described: Any = ModelLoader(device="cpu").load_from_state_dict(weights)
    except (UnsupportedModelError, RuntimeError, KeyError, ValueError, IndexError) as unknown:
        raise _unknown(entry, "its architecture is unknown") from unknown
    is_rgb = isinstance(described, ImageModelDescriptor) and described.input_channels == described.output_channels == 3
    if not is_rgb:
        raise _unknown(entry, "it does not turn one RGB picture into another")
    dtype = compute.dtype if compute.dtype != torch.float16 or described.supports_half else torch.float32
    described.to(compute.device, dtype).eval()
    return UpscalerNetwork(entry.name, int(described.scale), _caller(described, dtype), compute.device)


def _caller(described: Any, dtype: torch.dtype) -> Network:
    def call(tile: Tensor) -> Tensor:
        return torch.as_tensor(described(tile.to(dtype)))

    return call


def _spans(side: int) -> Iterator[tuple[int, int]]:
    """(start, end) of the tiles along a side: equally far apart, all `TILE` long unless the side is shorter."""
    if side <= TILE:
        yield 0, side
        return
    count = -(-(side - OVERLAP) // (TILE - OVERLAP))
    for i in range(count):
        start = round(i * (side - TILE) / (count - 1))
        yield start, start + TILE


def _ramp(length: int, rim: int, device: torch.device) -> Tensor:
    """Rising over the first `rim`, falling over the last, 1 between; never 0."""
    near = torch.arange(1, length + 1, device=device, dtype=torch.float32)
    nearest = torch.minimum(near, near.flip(0))
    return (nearest / (rim + 1)).clamp(max=1)


def _unknown(entry: ModelEntry, reason: str) -> ModelRefused:
    refused = ModelRefused(f"The upscaler {entry.name!r} cannot be used: {reason}.", file=entry.path.name)
    refused.with_code("upscaler_unknown")
    return refused
