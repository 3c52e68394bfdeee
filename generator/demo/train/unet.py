"""Stage `unet`: the denoiser, on precomputed latents and text states."""

from __future__ import annotations

import logging

import numpy as np
import torch
from torch import Tensor, nn

from generator.demo.networks import build_unet, use_plain_attention
from generator.demo.shape import TRAINED_SHAPE
from generator.demo.train.diffusion import Prediction, make_diffusion
from generator.demo.train.latents import Material, TextStates, prepare
from generator.demo.train.probe import draw_probe
from generator.demo.train.run import Recipe, TrainingRun, read_average
from generator.demo.train.workspace import Workspace

_log = logging.getLogger(__name__)
_CAPTION_DROP = 0.12
_HIRES_FROM = 0.75  # share of the time after which larger pictures come in
_HIRES_SHARE = 0.35
_ROWS = {"base": 6_000, "hires": 400}
PREDICTION: Prediction = "v_prediction"


def train_unet(workspace: Workspace, minutes: float, prediction: Prediction = PREDICTION, name: str = "unet") -> None:
    """Train the UNet; larger pictures come in for the last quarter, so that hires does not double things."""
    material = {size: prepare(workspace, size, most) for size, most in _ROWS.items()}
    states = TextStates(workspace)
    empty = states([""])
    diffusion = make_diffusion(prediction)
    unet = use_plain_attention(build_unet(TRAINED_SHAPE, workspace.plan.base_size // 8))
    recipe = Recipe(minutes, peak_rate=1e-3, warm_up_steps=200, seed=workspace.plan.seed + 2)
    run = TrainingRun(unet, recipe, workspace.checkpoint(name))
    next_probe = run.progress + 0.1
    while run.goes_on():
        latents, texts = _random_batch(material, empty, workspace.plan.batch, run)
        run.step(diffusion.loss(run.network, latents, texts), samples=len(latents))
        if run.progress > next_probe:
            draw_probe(workspace, run.average, states, prediction, f"{name}-{round(100 * run.progress):03d}")
            next_probe += 0.1
    draw_probe(workspace, run.finish(), states, prediction, f"{name}-end")


def read_unet(workspace: Workspace, name: str = "unet") -> nn.Module:
    """The averaged UNet of a checkpoint."""
    unet = build_unet(TRAINED_SHAPE, workspace.plan.base_size // 8)
    return read_average(unet, workspace.checkpoint(name)).requires_grad_(requires_grad=False)


def _random_batch(material: dict[str, Material], empty: Tensor, count: int, run: TrainingRun) -> tuple[Tensor, Tensor]:
    hires = run.progress > _HIRES_FROM and run.rng.random() < _HIRES_SHARE
    latents, texts = (
        material["hires"].batch(max(1, count // 4), run.rng) if hires else material["base"].batch(count, run.rng)
    )
    return latents, drop_captions(texts, empty, run.rng)


def drop_captions(texts: Tensor, empty: Tensor, rng: np.random.Generator) -> Tensor:
    """Replace 12 % of the captions by the empty one: guidance needs the unconditional answer."""
    dropped = torch.from_numpy(rng.random(len(texts)) < _CAPTION_DROP)
    return torch.where(dropped[:, None, None], empty, texts)
