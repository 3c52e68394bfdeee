"""The networks' helpers leave their answers alone."""

import torch

from generator.demo.networks import build_unet, use_plain_attention
from generator.demo.shape import RANDOM_SHAPE


def test_plain_attention_gives_the_same_answer() -> None:
    torch.manual_seed(0)
    unet = build_unet(RANDOM_SHAPE, 8).eval()
    inputs = torch.randn(1, 4, 8, 8), torch.tensor([10]), torch.randn(1, 77, RANDOM_SHAPE.text_width)
    with torch.no_grad():
        fused = unet(*inputs, return_dict=False)[0]
        plain = use_plain_attention(unet)(*inputs, return_dict=False)[0]
    assert torch.allclose(fused, plain, atol=1e-5)
