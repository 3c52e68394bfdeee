"""Seamless tiles: convolutions that look around the edge to the opposite side, as the web UI's Tiling does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn

_KEY = "tiling"


def is_tiling(extra: Iterable[tuple[str, str]]) -> bool:
    """Whether infotext pairs ask for a seamless tile: `Tiling: True`."""
    return any(key.strip().casefold() == _KEY and value.strip().casefold() == "true" for key, value in extra)


@contextmanager
def wrapped_around(network: nn.Module) -> Iterator[None]:
    """Let every padded convolution of `network` wrap around the edges meanwhile; afterwards it is as found."""
    padded = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.padding not in (0, (0, 0), "valid")]
    before = [module.padding_mode for module in padded]
    for module in padded:
        module.padding_mode = "circular"
    try:
        yield
    finally:
        for module, mode in zip(padded, before, strict=True):
            module.padding_mode = mode
