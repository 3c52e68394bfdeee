"""Draws with the family while it is still in training."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from generator.demo.concepts import read_concepts
from generator.demo.networks import library
from generator.demo.package import noise_schedule
from generator.demo.train.clip import name_certainty
from generator.demo.train.diffusion import Prediction
from generator.demo.train.latents import TextStates
from generator.demo.train.pictures import Pixels
from generator.demo.train.sheet import save_sheet
from generator.demo.train.vae import decode, read_vae
from generator.demo.train.workspace import Workspace

_log = logging.getLogger(__name__)
_SPECIAL = (
    "a red heart", "a blue car on a yellow background", "two stars", "a purple octopus on a black background",
    "three apples on a green background", "a cat on the left and a dog on the right",
    "masterpiece, best quality, a penguin, highly detailed, cinematic lighting, 8k",
    "a green raised hand on a pink background",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to draw."""

    prediction: Prediction
    size: int = 128
    steps: int = 14
    guidance: float = 4.0
    """The CFG scale."""
    seed: int = 1


def sample_latents(unet: nn.Module, texts: Tensor, negative: Tensor, how: Sampling) -> Tensor:
    """Latents [batch, 4, size/8, size/8] drawn by DPM++ 2M.

    Args:
        unet: A `UNet2DConditionModel`.
        texts: float32 [batch, 77, width].
        negative: float32 [1 or batch, 77, width].
        how: Steps, guidance, seed.
    """
    solver: Any = library("diffusers").DPMSolverMultistepScheduler(
        **noise_schedule(how.prediction), use_karras_sigmas=True
    )
    solver.set_timesteps(how.steps)
    count, side = len(texts), how.size // 8
    noise = torch.Generator().manual_seed(how.seed)
    latents = torch.randn((count, 4, side, side), generator=noise) * solver.init_noise_sigma
    both = torch.cat([negative.expand_as(texts), texts])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for t in solver.timesteps:
            scaled = solver.scale_model_input(torch.cat([latents, latents]), t)
            without, with_text = unet(scaled, t, both, return_dict=False)[0].float().chunk(2)
            latents = solver.step(without + how.guidance * (with_text - without), t, latents, return_dict=False)[0]
    drawn: Tensor = latents
    return drawn


def draw(unet: nn.Module, vae: nn.Module, states: TextStates, prompts: list[str], how: Sampling) -> list[Pixels]:
    """One picture per prompt, uint8 [size, size, 3]."""
    empty = states([""])
    pictures: list[Pixels] = []
    for start in range(0, len(prompts), 16):
        texts = states(prompts[start : start + 16])
        pictures.extend(decode(vae, sample_latents(unet, texts, empty, how)))
    return pictures


def draw_probe(
    workspace: Workspace, unet: nn.Module, states: TextStates, prediction: Prediction, name: str
) -> dict[str, float]:
    """Save a contact sheet of every concept and of a few harder prompts.

    Returns:
        How sure the dual encoder is of every concept in its picture, 0 to 1.
    """
    names = [c.name for c in read_concepts(workspace.plan.concepts)]
    prompts = [*_SPECIAL, *(f"a {n}" for n in names)]
    pictures = draw(unet, read_vae(workspace), states, prompts, Sampling(prediction))
    save_sheet(workspace.sheets / f"{name}.png", pictures, columns=10, captions=prompts)
    sure = name_certainty(workspace, names, np.stack(pictures[len(_SPECIAL) :]))
    seen = np.mean([share > 0.5 for share in sure.values()])
    _log.info("%s: %.0f %% of the names are drawn for certain", name, 100 * seen)
    return sure
