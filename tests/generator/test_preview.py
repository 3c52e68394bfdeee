from __future__ import annotations

from types import SimpleNamespace

import torch

from generator.device import Compute
from generator.models.checkpoint import Checkpoint
from generator.preview import Previewer, to_picture


def test_pixels_become_rows_of_rgb_rounded_to_the_nearest_level() -> None:
    pixels = torch.zeros(1, 3, 2, 1)
    pixels[0, :, 0, 0] = torch.tensor([1.0, 0.5, 0.0])
    picture = to_picture(pixels)
    assert (picture.width, picture.height) == (1, 2)
    assert picture.rgb == bytes([255, 128, 0, 0, 0, 0])


def test_the_map_of_a_linear_decoder_is_found_exactly() -> None:
    factors = torch.tensor([[0.05, 0.0, 0.0], [0.0, 0.04, 0.0], [0.0, 0.0, -0.03], [0.01, 0.01, 0.01]])

    def decode(latents: torch.Tensor) -> torch.Tensor:
        colours = torch.einsum("bchw,cd->bdhw", latents, factors) + 0.5
        return colours.repeat_interleave(8, 2).repeat_interleave(8, 3)

    linear = SimpleNamespace(
        latent_channels=4,
        compute=Compute.resolve("cpu", "auto"),
        vae=SimpleNamespace(config=SimpleNamespace(block_out_channels=(8,))),
        decode=decode,
    )
    latents = torch.randn((1, 4, 5, 3), generator=torch.Generator().manual_seed(1))
    expected = to_picture(decode(latents)[:, :, ::8, ::8])
    found = Previewer(linear).picture(latents)  # type: ignore[arg-type]
    levels = zip(found.rgb, expected.rgb, strict=True)
    assert max(abs(a - b) for a, b in levels) <= 1


def test_a_preview_has_the_size_of_the_latents_and_is_the_same_again(tiny_checkpoint: Checkpoint) -> None:
    latents = torch.randn(1, 4, 6, 9)
    previewer = Previewer(tiny_checkpoint)
    first = previewer.picture(latents)
    assert (first.width, first.height) == (9, 6)
    assert previewer.picture(latents) == first


def test_the_pixels_of_a_picture_survive_encoding_and_decoding_in_shape(tiny_checkpoint: Checkpoint) -> None:
    pixels = torch.rand(1, 3, 40, 64)
    latents = tiny_checkpoint.encode(pixels)
    assert latents.shape == (1, 4, 5, 8)
    assert tiny_checkpoint.decode(latents).shape == pixels.shape
