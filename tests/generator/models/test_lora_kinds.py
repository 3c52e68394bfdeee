"""LoHa, LoKr, DoRA, decomposed kernels and whole differences, against what LyCORIS 4.1.3 computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from generator.models.catalogue import ModelEntry
from generator.models.lora import PatchedNetwork, read_lora

# Per case the layer, its input, LyCORIS's output (at alpha / rank as stored), and the keys of its file.
GOLDEN = load_file(Path(__file__).parent / "lycoris_golden.safetensors")
CASES = sorted({name.split("/")[0] for name in GOLDEN})


class Layers(nn.Module):
    """One layer `x` under the name that the file uses, and a norm."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        is_conv = weight.dim() == 4
        out, inside = weight.shape[:2]
        self.x: nn.Conv2d | nn.Linear = nn.Conv2d(inside, out, 3, padding=1) if is_conv else nn.Linear(inside, out)
        self.norm = nn.GroupNorm(2, 4)
        self.requires_grad_(requires_grad=False)
        self.x.weight.copy_(weight)
        self.x.bias.copy_(bias)  # type: ignore[union-attr]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, Tensor]], ModelEntry]:
    def to_file(tensors: dict[str, Tensor]) -> ModelEntry:
        path = tmp_path / "style.safetensors"
        save_file(tensors, path)
        return ModelEntry("style", path, "file")

    return to_file


def case(name: str) -> tuple[Layers, dict[str, Tensor]]:
    prefix = f"{name}/key/"
    keys = {f"lora_unet_x.{k.removeprefix(prefix)}": v for k, v in GOLDEN.items() if k.startswith(prefix)}
    return Layers(GOLDEN[f"{name}/base"], GOLDEN[f"{name}/bias"]), keys


@pytest.mark.parametrize("name", CASES)
def test_a_file_of_any_kind_changes_a_layer_as_lycoris_does(
    name: str, write: Callable[[dict[str, Tensor]], ModelEntry]
) -> None:
    layers, keys = case(name)
    file = read_lora(write(keys), layers, nn.Module())
    assert file.unmatched == ()
    patched = PatchedNetwork(layers)
    before = layers.x.weight.clone()
    patched.apply([(file.unet, 1.0)])
    expected = GOLDEN[f"{name}/y"]
    assert torch.allclose(layers.x(GOLDEN[f"{name}/x"]), expected, atol=2e-5, rtol=1e-4)
    plain = functional.mse_loss(GOLDEN[f"{name}/y"], _plain(layers, before, GOLDEN[f"{name}/x"]))
    assert float(plain) > 1e-4  # the change is not within the tolerance
    patched.apply([])
    assert torch.equal(layers.x.weight, before)


def _plain(layers: Layers, weight: Tensor, x: Tensor) -> Tensor:
    if weight.dim() == 4:
        return functional.conv2d(x, weight, layers.x.bias, padding=1)
    return functional.linear(x, weight, layers.x.bias)


def test_half_strength_is_half_way_for_dora_too(write: Callable[[dict[str, Tensor]], ModelEntry]) -> None:
    layers, keys = case("locon_linear_wdTrue_outTrue")
    file = read_lora(write(keys), layers, nn.Module())
    base = layers.x.weight.clone()
    patched = PatchedNetwork(layers)
    patched.apply([(file.unet, 1.0)])
    whole = layers.x.weight.clone()
    patched.apply([(file.unet, 0.5)])
    assert torch.allclose(layers.x.weight, (base + whole) / 2, atol=1e-6)


def test_whole_differences_change_weights_biases_and_norms_and_go_back_bit_equal(
    write: Callable[[dict[str, Tensor]], ModelEntry],
) -> None:
    layers = Layers(torch.randn(4, 6), torch.randn(4))
    before = {k: v.clone() for k, v in layers.state_dict().items()}
    diff = {
        "lora_unet_x.diff": torch.randn(4, 6),
        "lora_unet_x.diff_b": torch.randn(4),
        "lora_unet_norm.w_norm": torch.randn(4),
        "lora_unet_norm.b_norm": torch.randn(4),
    }
    file = read_lora(write(diff), layers, nn.Module())
    patched = PatchedNetwork(layers)
    patched.apply([(file.unet, 0.5)])
    after = layers.state_dict()
    pairs = {"x.weight": "x.diff", "x.bias": "x.diff_b", "norm.weight": "norm.w_norm", "norm.bias": "norm.b_norm"}
    for parameter, key in pairs.items():
        assert torch.allclose(after[parameter], before[parameter] + 0.5 * diff[f"lora_unet_{key}"], atol=1e-6)
    patched.apply([])
    assert all(torch.equal(v, before[k]) for k, v in layers.state_dict().items())


def test_two_hundred_switches_among_every_kind_leave_no_drift(write: Callable[[dict[str, Tensor]], ModelEntry]) -> None:
    names = [n for n in CASES if n.split("_")[1] == "linear"]
    layers = Layers(GOLDEN[f"{names[0]}/base"], GOLDEN[f"{names[0]}/bias"])
    files = [read_lora(write(case(name)[1]), layers, nn.Module()).unet for name in names]
    before = {k: v.clone() for k, v in layers.state_dict().items()}
    patched = PatchedNetwork(layers)
    for i in range(200):
        patched.apply([(files[i % len(files)], 0.7), (files[(3 * i + 1) % len(files)], -0.4)])
    patched.apply([])
    assert all(torch.equal(v, before[k]) for k, v in layers.state_dict().items())
