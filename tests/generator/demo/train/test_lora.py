"""The low-rank layers change nothing before they are trained, and their keys are kohya's."""

import torch

from generator.demo.networks import build_unet
from generator.demo.shape import RANDOM_SHAPE
from generator.demo.train.lora import LowRank, set_weight, with_low_rank


def test_an_untrained_lora_changes_nothing_and_only_it_can_be_trained() -> None:
    torch.manual_seed(0)
    unet = build_unet(RANDOM_SHAPE, 8).eval()
    inputs = torch.randn(1, 4, 8, 8), torch.tensor([10]), torch.randn(1, 77, RANDOM_SHAPE.text_width)
    with torch.no_grad():
        before = unet(*inputs, return_dict=False)[0]
        after = with_low_rank(unet)(*inputs, return_dict=False)[0]
    assert torch.allclose(before, after)
    trained = {name for name, p in unet.named_parameters() if p.requires_grad}
    assert trained
    assert all(name.endswith(("down.weight", "up.weight")) for name in trained)


def test_every_kind_of_layer_is_covered() -> None:
    unet = with_low_rank(build_unet(RANDOM_SHAPE, 8))
    wrapped = {name.rpartition(".")[2] for name, m in unet.named_modules() if isinstance(m, LowRank)}
    assert {"to_q", "to_k", "to_v", "0", "proj", "2", "conv1", "conv2"} <= wrapped


def test_the_weight_scales_the_addition() -> None:
    torch.manual_seed(0)
    unet = with_low_rank(torch.nn.ModuleDict({"to_q": torch.nn.Linear(3, 5)}))
    added = unet["to_q"]
    assert isinstance(added, LowRank)
    torch.nn.init.normal_(added.up.weight)
    hidden = torch.randn(2, 3)
    drawn = {}
    for weight in (0.0, 0.5, 1.0):
        set_weight(unet, weight)
        drawn[weight] = added(hidden)
    assert torch.equal(drawn[0.0], added.layer(hidden))
    assert not torch.allclose(drawn[0.0], drawn[1.0])
    assert torch.allclose(drawn[0.5], (drawn[0.0] + drawn[1.0]) / 2, atol=1e-6)
