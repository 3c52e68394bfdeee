from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import nn

from generator.engine import Engine
from generator.events import Event, ImageReady, Picture
from generator.models.checkpoint import Checkpoint
from generator.request import GenerationRequest
from generator.tiling import is_tiling, wrapped_around

Ask = Callable[..., GenerationRequest]
RunAll = Callable[[Engine, Sequence[GenerationRequest]], list[Event]]
TILE = (("Tiling", "True"),)


def _pixels(picture: Picture) -> np.ndarray:
    return np.frombuffer(picture.rgb, np.uint8).reshape(picture.height, picture.width, 3).astype(float)


def test_the_pair_of_the_web_ui_asks_for_a_tile() -> None:
    assert is_tiling([("tiling", "true")])
    assert not is_tiling([("Tiling", "False"), ("Note", "True")])


def test_convolutions_wrap_around_meanwhile_and_are_as_found_afterwards() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 1))
    picture = torch.rand(1, 1, 8, 8)
    plain = network(picture)
    with wrapped_around(network):
        wrapped = network(picture)
        rolled = network(picture.roll(3, -1)).roll(-3, -1)
    assert torch.allclose(wrapped, rolled, atol=1e-6)
    assert not torch.allclose(wrapped, plain)
    assert torch.equal(network(picture), plain)


@pytest.mark.parametrize("part", ["unet", "vae"])
def test_a_tile_has_no_edge_anywhere(tiny_checkpoint: Checkpoint, part: str) -> None:
    """What is drawn of a rolled picture is what is drawn of the picture, rolled: no place is an edge."""
    latents = torch.randn((1, 4, 16, 16), generator=torch.Generator().manual_seed(0))
    context = torch.randn((1, 77, tiny_checkpoint.towers[0].encoder.config.hidden_size)) * 0.1
    times = torch.tensor([500.0])

    def drawn(given: torch.Tensor) -> torch.Tensor:
        if part == "vae":
            return tiny_checkpoint.decode(given)
        return tiny_checkpoint.predict(given, times, context)

    cell = tiny_checkpoint.latent_cell if part == "vae" else 1
    with wrapped_around(getattr(tiny_checkpoint, part)):
        straight, rolled = drawn(latents), drawn(latents.roll((8, 8), (2, 3))).roll((-8 * cell, -8 * cell), (2, 3))
    assert torch.allclose(straight, rolled, atol=2e-4)
    plain = drawn(latents.roll((8, 8), (2, 3))).roll((-8 * cell, -8 * cell), (2, 3))
    assert not torch.allclose(drawn(latents), plain, atol=2e-3)


def test_a_tile_and_its_plain_neighbour_are_each_drawn_as_alone(engine: Engine, ask: Ask, run_all: RunAll) -> None:
    def pictures(*requests: GenerationRequest) -> dict[str, Picture]:
        return {e.request_id: e.picture for e in run_all(engine, requests) if isinstance(e, ImageReady)}

    requests = ask("plain", steps=6), ask("tile", steps=6, extra=TILE)
    alone = pictures(requests[0]) | pictures(requests[1])
    both = pictures(*requests)
    for name in ("plain", "tile"):
        assert np.abs(_pixels(both[name]) - _pixels(alone[name])).max() <= 1
    assert np.abs(_pixels(both["plain"]) - _pixels(both["tile"])).max() > 10
