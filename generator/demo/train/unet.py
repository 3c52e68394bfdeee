"""Stage `unet`: the denoiser, on precomputed latents and fresh captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from generator.demo.networks import build_unet, use_plain_attention
from generator.demo.shape import TRAINED_SHAPE
from generator.demo.train.diffusion import EARLY_BIAS, Prediction, make_diffusion
from generator.demo.train.latents import TextStates, prepare
from generator.demo.train.probe import draw_probe
from generator.demo.train.run import Recipe, TrainingRun, read_average
from generator.demo.train.workspace import Workspace

_CAPTION_DROP = 0.12
_LOW_NOISE = 1.2  # larger pictures are drawn over smaller ones: noisy timesteps come less often there
_ENLARGED_SHARE = 0.4  # of the steps of larger pictures start from enlarged latents
_WARM_FROM = 0.4  # of the training time
_PROBE_EVERY = 0.2  # of the training time
_MOST_WANTED = 2.5  # a thing nobody recognises comes this much more often than one that is always recognised
PREDICTION: Prediction = "v_prediction"


@dataclass(frozen=True, slots=True)
class Size:
    """Pictures of one size."""

    pictures: str
    """The composed picture set."""
    rows: int
    """Of the set, at most."""
    shrink: int
    """The side is divided by this."""
    batch: float
    """Share of the plan's batch: a step should cost about the same at every size."""
    bias: float = EARLY_BIAS


SIZES = {
    "small": Size("base", 15_000, 2, 1.5),
    "base": Size("base", 15_000, 1, 0.75),
    "hires": Size("hires", 1_200, 1, 0.1875, _LOW_NOISE),
}


def share_of_sizes(progress: float, *, is_warm: bool = False) -> dict[str, float]:
    """How often each size is trained at a share of the training time.

    Small pictures teach the outlines at a quarter of the cost, so they come first; without large ones hires
    doubles things, so they come last. A warm start has the first two fifths behind it.
    """
    progress = _WARM_FROM + (1 - _WARM_FROM) * progress if is_warm else progress
    small = max(0.0, min(0.5, 0.5 - (progress - 0.3)))
    hires = 0.0 if progress < 0.4 else 0.12 if progress < 0.75 else 0.3
    return {"small": small, "base": 1.0 - small - hires, "hires": hires}


def train_unet(workspace: Workspace, minutes: float, prediction: Prediction = PREDICTION, name: str = "unet") -> None:
    """Train the UNet, on the sizes of `share_of_sizes`; what is drawn badly comes more often."""
    material = {size: prepare(workspace, s.pictures, s.rows, s.shrink) for size, s in SIZES.items()}
    states = TextStates(workspace)
    empty = states([""])
    diffusion = make_diffusion(prediction)
    unet = use_plain_attention(build_unet(TRAINED_SHAPE, workspace.plan.base_size // 8))
    recipe = Recipe(minutes, peak_rate=1e-3, warm_up_steps=200, seed=workspace.plan.seed + 2)
    run = TrainingRun(unet, recipe, workspace.checkpoint(name), workspace.start_of("unet"))
    next_probe, shares = run.progress + _PROBE_EVERY, dict.fromkeys(material, None)
    while run.goes_on():
        size = _random_size(run, is_warm=workspace.start_of("unet") is not None)
        count = max(1, round(SIZES[size].batch * workspace.plan.batch))
        latents, scenes = material[size].batch(count, run.rng, shares[size])
        texts = drop_captions(states.of_scenes(scenes, run.rng), empty, run.rng)
        if size == "hires" and run.rng.random() < _ENLARGED_SHARE:
            loss = diffusion.enlarging_loss(run.network, latents, texts)
        else:
            loss = diffusion.loss(run.network, latents, texts, SIZES[size].bias)
        run.step(loss, samples=count)
        if run.progress > next_probe:
            label = f"{name}-{round(100 * run.progress):03d}"
            sure = draw_probe(workspace, run.average, states, prediction, label)
            shares = {size: row_shares(m.names, sure) for size, m in material.items()}
            next_probe += _PROBE_EVERY
    draw_probe(workspace, run.finish(), states, prediction, f"{name}-end")


def row_shares(names: Sequence[str], sure: dict[str, float]) -> NDArray[np.float64]:
    """How often each row is drawn, by how sure the dual encoder was of its thing (0 to 1)."""
    wanted = np.array([1 + (_MOST_WANTED - 1) * (1 - sure.get(name, 0.5)) for name in names])
    shares: NDArray[np.float64] = wanted / wanted.sum()
    return shares


def _random_size(run: TrainingRun, *, is_warm: bool) -> str:
    shares = share_of_sizes(run.progress, is_warm=is_warm)
    return str(run.rng.choice(list(shares), p=list(shares.values())))


def read_unet(workspace: Workspace, name: str = "unet") -> nn.Module:
    """The averaged UNet of a checkpoint."""
    unet = build_unet(TRAINED_SHAPE, workspace.plan.base_size // 8)
    return read_average(unet, workspace.checkpoint(name)).requires_grad_(requires_grad=False)


def drop_captions(texts: Tensor, empty: Tensor, rng: np.random.Generator) -> Tensor:
    """Replace 12 % of the captions by the empty one: guidance needs the unconditional answer."""
    dropped = torch.from_numpy(rng.random(len(texts)) < _CAPTION_DROP)
    return torch.where(dropped[:, None, None], empty, texts)
