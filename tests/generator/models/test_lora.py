from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from generator.demo.family import DemoFamily
from generator.errors import LoraIncompatible, ModelRefused
from generator.models.catalogue import ModelEntry
from generator.models.lora import PatchedNetwork, read_lora


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.to_q = nn.Linear(6, 5, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(5, 6)])


class Unet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down_blocks = nn.ModuleList([Attention()])
        self.conv = nn.Conv2d(3, 4, 3)
        self.proj_in = nn.Conv2d(6, 5, 1)


class TextEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(8, 8)])


Networks = tuple[Unet, TextEncoder]
Write = Callable[..., ModelEntry]


@pytest.fixture
def networks() -> Networks:
    torch.manual_seed(0)
    unet, text = Unet(), TextEncoder()
    for network in (unet, text):
        network.requires_grad_(requires_grad=False)
    return unet, text


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(tensors: dict[str, Tensor], name: str = "style") -> ModelEntry:
        path = tmp_path / f"{name}.safetensors"
        save_file(tensors, path)
        return ModelEntry(name, path, "file")

    return to_file


def _pair(stem: str, out: int, inside: tuple[int, ...], rank: int = 2, alpha: float | None = 1.0) -> dict[str, Tensor]:
    kernel_up = (1, 1) if len(inside) > 1 else ()
    tensors = {
        f"{stem}.lora_down.weight": torch.randn(rank, *inside),
        f"{stem}.lora_up.weight": torch.randn(out, rank, *kernel_up),
    }
    return tensors if alpha is None else {**tensors, f"{stem}.alpha": torch.tensor(alpha)}


def _snapshot(network: nn.Module) -> dict[str, Tensor]:
    return {k: v.clone() for k, v in network.state_dict().items()}


def _same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return all(torch.equal(a[k], b[k]) for k in a)


KEY = "lora_unet_down_blocks_0_to_q"


def test_a_kohya_lora_equals_the_merge_by_hand(networks: Networks, write: Write) -> None:
    unet, text = networks
    tensors = _pair(KEY, 5, (6,), rank=4, alpha=2.0)
    base = unet.down_blocks[0].to_q.weight.clone()
    lora = read_lora(write(tensors), unet, text)
    PatchedNetwork(unet).apply([(lora.unet, 0.66)])
    by_hand = base + 0.66 * (2.0 / 4) * tensors[f"{KEY}.lora_up.weight"] @ tensors[f"{KEY}.lora_down.weight"]
    assert torch.allclose(unet.down_blocks[0].to_q.weight, by_hand, atol=1e-6)
    assert lora.unmatched == ()


def test_alpha_defaults_to_the_rank(networks: Networks, write: Write) -> None:
    lora = read_lora(write(_pair(KEY, 5, (6,), rank=3, alpha=None)), *networks)
    assert lora.unet[0].scale == 1.0


def test_convolutions_with_a_full_kernel_and_with_a_decomposed_one_equal_their_formula(
    networks: Networks, write: Write
) -> None:
    unet, text = networks
    full = _pair("lora_unet_conv", 4, (3, 3, 3))
    base = unet.conv.weight.clone()
    patched = PatchedNetwork(unet)
    patched.apply([(read_lora(write(full), unet, text).unet, 1.0)])
    down, up = full["lora_unet_conv.lora_down.weight"], full["lora_unet_conv.lora_up.weight"]
    expected = base + 0.5 * torch.einsum("orxy,rihw->oihw", up, down)
    assert torch.allclose(unet.conv.weight, expected, atol=1e-6)

    decomposed = {**_pair("lora_unet_conv", 4, (3, 1, 1)), "lora_unet_conv.lora_mid.weight": torch.randn(2, 2, 3, 3)}
    patched.apply([(read_lora(write(decomposed, "mid"), unet, text).unet, 1.0)])
    down, up = decomposed["lora_unet_conv.lora_down.weight"], decomposed["lora_unet_conv.lora_up.weight"]
    # LoCon's own order: up after mid after down.
    flat = torch.einsum(
        "om,mnhw,ni->oihw", up[:, :, 0, 0], decomposed["lora_unet_conv.lora_mid.weight"], down[:, :, 0, 0]
    )
    assert torch.allclose(unet.conv.weight, base + 0.5 * flat, atol=1e-6)


def test_linear_factors_fit_a_1x1_convolution(networks: Networks, write: Write) -> None:
    unet, text = networks
    base = unet.proj_in.weight.clone()
    tensors = _pair("lora_unet_proj_in", 5, (6,))
    PatchedNetwork(unet).apply([(read_lora(write(tensors), unet, text).unet, 1.0)])
    delta = 0.5 * tensors["lora_unet_proj_in.lora_up.weight"] @ tensors["lora_unet_proj_in.lora_down.weight"]
    assert torch.allclose(unet.proj_in.weight[..., 0, 0], base[..., 0, 0] + delta, atol=1e-6)


@pytest.mark.parametrize(
    ("down", "up", "module"),
    [
        ("unet.down_blocks.0.to_q.lora_A.weight", "unet.down_blocks.0.to_q.lora_B.weight", "down_blocks.0.to_q"),
        ("unet.down_blocks.0.to_q.lora.down.weight", "unet.down_blocks.0.to_q.lora.up.weight", "down_blocks.0.to_q"),
        (
            "unet.down_blocks.0.processor.to_q_lora.down.weight",
            "unet.down_blocks.0.processor.to_q_lora.up.weight",
            "down_blocks.0.to_q",
        ),
        (
            "base_model.model.down_blocks.0.to_q.lora_A.weight",
            "base_model.model.down_blocks.0.to_q.lora_B.weight",
            "down_blocks.0.to_q",
        ),
    ],
)
def test_diffusers_and_peft_spellings_reach_the_same_module(
    networks: Networks, write: Write, down: str, up: str, module: str
) -> None:
    lora = read_lora(write({down: torch.randn(2, 6), up: torch.randn(5, 2)}), *networks)
    assert [d.module for d in lora.unet] == [module]


def test_the_old_processor_spelling_of_to_out_means_its_first_layer(networks: Networks, write: Write) -> None:
    stem = "unet.down_blocks.0.processor.to_out_lora"
    lora = read_lora(
        write({f"{stem}.down.weight": torch.randn(2, 5), f"{stem}.up.weight": torch.randn(6, 2)}), *networks
    )
    assert [d.module for d in lora.unet] == ["down_blocks.0.to_out.0"]


@pytest.mark.parametrize(
    "stem", ["lora_te_text_model_layers_0", "lora_te1_text_model_layers_0", "text_encoder.text_model.layers.0"]
)
def test_text_encoder_keys_reach_the_text_encoder(networks: Networks, write: Write, stem: str) -> None:
    lora = read_lora(write(_pair(stem, 8, (8,), alpha=None)), *networks)
    assert [d.module for d in lora.text] == ["layers.0"]
    assert lora.unet == ()


def test_weight_0_and_dropping_everything_give_bit_equal_weights_after_many_switches(
    networks: Networks, write: Write
) -> None:
    unet, text = networks
    before = _snapshot(unet)
    loras = [
        read_lora(write(_pair(KEY, 5, (6,)), "a"), unet, text),
        read_lora(write({**_pair(KEY, 5, (6,)), **_pair("lora_unet_conv", 4, (3, 3, 3))}, "b"), unet, text),
    ]
    patched = PatchedNetwork(unet)
    for i in range(200):
        patched.apply([(loras[i % 2].unet, 0.1 * i), (loras[(i + 1) % 2].unet, -0.3)])
    assert not _same(before, unet.state_dict())
    patched.apply([(loras[0].unet, 0.0)])
    assert _same(before, unet.state_dict())
    patched.apply([(loras[1].unet, 1.0)])
    patched.apply([])
    assert _same(before, unet.state_dict())


def test_two_loras_add_up_whatever_their_order(networks: Networks, write: Write) -> None:
    unet, text = networks
    a = read_lora(write(_pair(KEY, 5, (6,)), "a"), unet, text).unet
    b = read_lora(write(_pair(KEY, 5, (6,)), "b"), unet, text).unet
    patched = PatchedNetwork(unet)
    patched.apply([(a, 0.5), (b, 2.0)])
    first = unet.down_blocks[0].to_q.weight.clone()
    patched.apply([(b, 2.0), (a, 0.5)])
    assert torch.allclose(first, unet.down_blocks[0].to_q.weight, atol=1e-6)


def test_keys_that_belong_to_nothing_are_reported(networks: Networks, write: Write) -> None:
    tensors = {**_pair(KEY, 5, (6,)), "lora_unet_elsewhere.lora_up.weight": torch.zeros(1, 1)}
    assert read_lora(write(tensors), *networks).unmatched == ("lora_unet_elsewhere.lora_up.weight",)


BAD = [
    ({"lora_unet_x.lora_down.weight": torch.zeros(2, 6)}, "none of its keys"),
    (_pair(KEY, 5, (7,)), "shape"),
    (_pair(KEY, 9, (6,)), "shape"),
    ({f"{KEY}.lora_down.weight": torch.zeros(2, 6), f"{KEY}.lora_up.weight": torch.zeros(5, 3)}, "shape"),
    ({f"{KEY}.lora_down.weight": torch.zeros(2, 6)}, "half of the pair"),
    (_pair(KEY, 5, (6,), alpha=0.0), "alpha"),
    ({**_pair(KEY, 5, (6,)), f"{KEY}.alpha": torch.zeros(2)}, "alpha"),
    ({f"{KEY}.oft_blocks": torch.ones(2, 3, 3), **_pair(KEY, 5, (6,))}, "OFT"),
    ({f"{KEY}.hada_w1_a": torch.ones(5, 2)}, "half of the pair"),
    ({f"{KEY}.lokr_w1": torch.ones(5, 2)}, "half of the pair"),
    ({f"{KEY}.lokr_w1": torch.ones(2, 2), f"{KEY}.lokr_w2": torch.ones(2, 2)}, "shape"),
    ({**_pair(KEY, 5, (6,)), f"{KEY}.dora_scale": torch.ones(3, 7)}, "shape"),
    ({f"{KEY}.diff": torch.ones(6, 6)}, "shape"),
    ({f"{KEY}.diff_b": torch.ones(6)}, "no bias"),
]


@pytest.mark.parametrize(("tensors", "reason"), BAD)
def test_a_lora_that_does_not_fit_is_refused_with_its_first_keys_and_changes_nothing(
    networks: Networks, write: Write, tensors: dict[str, Tensor], reason: str
) -> None:
    before = _snapshot(networks[0])
    with pytest.raises(LoraIncompatible) as refused:
        read_lora(write(tensors), *networks)
    assert reason in refused.value.detail
    assert sorted(tensors)[0].split(".")[0] in refused.value.detail
    assert len(refused.value.facts["keys"]) <= 3  # type: ignore[arg-type]
    assert _same(before, networks[0].state_dict())


def test_weights_that_are_not_numbers_are_refused(networks: Networks, write: Write) -> None:
    with pytest.raises(ModelRefused) as refused:
        read_lora(write({**_pair(KEY, 5, (6,)), f"{KEY}.alpha": torch.tensor(float("nan"))}), *networks)
    assert refused.value.stable_code == "model_not_finite"


def test_the_demo_lora_matches_the_demo_checkpoint_whole(tiny_family: DemoFamily) -> None:
    from generator.device import Compute
    from generator.models.resident import open_checkpoint

    checkpoint = open_checkpoint(ModelEntry("tiny", tiny_family.checkpoint, "folder"), Compute.resolve("cpu", "auto"))
    name, path = tiny_family.loras[0]
    lora = read_lora(ModelEntry(name, path, "file"), checkpoint.unet, checkpoint.text_encoder)
    assert lora.unmatched == ()
    assert 3 * (len(lora.unet) + len(lora.text)) == len(load_file(path))
    assert lora.text
