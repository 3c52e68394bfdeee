"""Stage `lora`: a style LoRA on the finished UNet, stored in kohya's format."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from generator.demo.networks import use_plain_attention
from generator.demo.train.diffusion import make_diffusion
from generator.demo.train.latents import TextStates, prepare
from generator.demo.train.run import Recipe, TrainingRun, read_average
from generator.demo.train.unet import PREDICTION, drop_captions, read_unet
from generator.demo.train.workspace import Workspace

RANK = 16
_ROWS = 3_000
STYLES = {0.5: "half-ink", 1.0: "ink"}
"""The picture set that shows what the LoRA should draw at each weight."""
SHARES = {0.5: 0.3, 1.0: 0.7}
"""How often each weight is trained: half the way is learnt sooner."""
_LAYERS = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "conv1", "conv2")


class LowRank(nn.Module):
    """A frozen layer with a trainable low-rank addition.

    Args:
        layer: An `nn.Linear` or `nn.Conv2d`.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.weight = 1.0
        self.down: nn.Linear | nn.Conv2d
        self.up: nn.Linear | nn.Conv2d
        if isinstance(layer, nn.Linear):
            self.down = nn.Linear(layer.in_features, RANK, bias=False)
            self.up = nn.Linear(RANK, layer.out_features, bias=False)
        elif isinstance(layer, nn.Conv2d):
            self.down = nn.Conv2d(layer.in_channels, RANK, 3, stride=layer.stride, padding=layer.padding, bias=False)  # type: ignore[arg-type]
            self.up = nn.Conv2d(RANK, layer.out_channels, 1, bias=False)
        else:
            raise TypeError(f"no LoRA for {type(layer).__name__}")
        nn.init.zeros_(self.up.weight)

    def forward(self, hidden: Tensor) -> Tensor:
        """The layer's output plus the addition times `weight`."""
        out: Tensor = self.layer(hidden) + self.weight * self.up(self.down(hidden))
        return out


def train_lora(workspace: Workspace, minutes: float) -> None:
    """Train the ink style at every weight of `STYLES`; the base UNet stays as it is.

    Trained at weight 1 alone, half the weight hardly changed the style and yet cost the names.
    """
    material = {weight: prepare(workspace, style, _ROWS) for weight, style in STYLES.items()}
    states = TextStates(workspace)
    empty = states([""])
    diffusion = make_diffusion(PREDICTION)
    recipe = Recipe(
        minutes, peak_rate=7e-4, weight_decay=0.0, average_decay=0.99, warm_up_steps=30, seed=workspace.plan.seed + 3
    )
    run = TrainingRun(with_low_rank(use_plain_attention(read_unet(workspace))), recipe, workspace.checkpoint("lora"))
    while run.goes_on():
        weight = float(run.rng.choice(list(STYLES), p=list(SHARES.values())))
        set_weight(run.network, weight)
        latents, scenes = material[weight].batch(workspace.plan.batch, run.rng)
        texts = drop_captions(states.of_scenes(scenes, run.rng), empty, run.rng)
        loss = diffusion.loss(run.network, latents, texts)
        run.step(loss, samples=len(latents))
    run.finish()


def with_low_rank(unet: nn.Module) -> nn.Module:
    """`unet`, frozen, with a low-rank addition on every attention, feed-forward and residual layer."""
    unet.requires_grad_(requires_grad=False)
    for name, layer in list(unet.named_modules()):
        if name.endswith(_LAYERS) and isinstance(layer, nn.Linear | nn.Conv2d):
            parent, _, child = name.rpartition(".")
            setattr(unet.get_submodule(parent), child, LowRank(layer))
    return unet


def set_weight(unet: nn.Module, weight: float) -> None:
    """Set the weight of every low-rank addition of `unet`."""
    for module in unet.modules():
        if isinstance(module, LowRank):
            module.weight = weight


def read_lora(workspace: Workspace) -> dict[str, Tensor]:
    """The trained LoRA as kohya's keys and tensors."""
    unet = read_average(with_low_rank(read_unet(workspace)), workspace.checkpoint("lora"))
    state: dict[str, Tensor] = {}
    for name, module in unet.named_modules():
        if isinstance(module, LowRank):
            key = "lora_unet_" + name.replace(".", "_")
            pair: Any = module
            state[f"{key}.alpha"] = torch.tensor(float(RANK))
            state[f"{key}.lora_down.weight"] = pair.down.weight.detach()
            state[f"{key}.lora_up.weight"] = pair.up.weight.detach()
    return state
