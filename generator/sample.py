"""One picture in flight. Nothing of it is shared with another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from generator.batch_key import BatchKey
from generator.models.checkpoint import AddedConditions, Checkpoint
from generator.models.lora import LoraUses, lora_set
from generator.models.upscaler_network import UpscalerNetwork
from generator.planner import Ticket
from generator.request import GenerationRequest
from generator.sampling.conditioning import PassConditioning
from generator.sampling.guidance import needs_negative
from generator.sampling.noise_settings import NoiseSettings
from generator.sampling.samplers import SamplerPlan
from generator.sampling.timestep_solvers import CFG_PLUS_PLUS_SHARE
from generator.sampling.trajectory import Trajectory
from generator.source_pixels import Overlay

Phase = Literal["base", "hires"]


@dataclass(frozen=True, slots=True)
class HiresPlan:
    """The second pass, decided at admission."""

    sampler: SamplerPlan
    """Its `steps` is the whole schedule, of which the last `steps` are walked."""
    steps: int
    """Denoising steps; 0 only upscales (denoising strength 0)."""
    upscaler: str
    size: tuple[int, int]
    """(width, height) to upscale to, in pixels: covers `crop`."""
    crop: tuple[int, int]
    """(width, height) of the finished picture, cut from the middle, in pixels."""
    conditioning: PassConditioning
    network: UpscalerNetwork | None = None
    """What upscales, where `upscaler` names a network."""
    checkpoint: str = ""
    """Another checkpoint that draws the second pass, by its name in the catalogue; empty: the same one."""


@dataclass
class Sample:
    """The state of one picture: its own solver, noise, conditioning and place in the passes."""

    request: GenerationRequest
    order: int
    checkpoint: str
    unet_loras: LoraUses
    cfg_scale: float
    conditioning: PassConditioning
    trajectory: Trajectory
    hires: HiresPlan | None
    noise_settings: NoiseSettings
    total: int
    """UNet calls of both passes."""
    last_tick: int
    phase: Phase = "base"
    done: int = 0
    """UNet calls answered, both passes."""
    notes: list[str] = field(default_factory=list)
    pixels: Checkpoint | None = None
    """Whose VAE reads and writes its pixels; `None`: that of the checkpoint in memory."""
    enlarged: Tensor | None = None
    """Pixels `(1, 3, H, W)` in 0..1 on their way to the second pass's own checkpoint."""
    overlay: Overlay | None = None
    """What of an inpainted source is laid over the finished picture; `None` without a mask."""
    is_tiling: bool = False
    """Whether its left edge is to fit its right one, and its top the bottom."""

    @property
    def request_id(self) -> str:
        """The caller's name for this picture."""
        return self.request.request_id

    @property
    def weights(self) -> tuple[float, ...]:
        """The `AND` weights of the positive prompts."""
        return tuple(c.weight for c in self.conditioning.positive)

    @property
    def guidance(self) -> float:
        """The scale that guides: the CFG scale, or CFG++'s share of it."""
        return self.cfg_scale * (CFG_PLUS_PLUS_SHARE if self.trajectory.reads_negative else 1.0)

    @property
    def has_negative(self) -> bool:
        """Whether a row reads the negative prompt."""
        return self.trajectory.reads_negative or needs_negative(self.weights, self.guidance)

    def contexts(self) -> list[Tensor]:
        """What this picture's UNet rows read at its next call: positives, then the negative if it counts."""
        call = self.trajectory.done
        rows = [c.at(call) for c in self.conditioning.positive]
        if self.has_negative:
            rows.append(self.conditioning.negative.at(call))
        return rows

    def added(self) -> list[AddedConditions]:
        """What SDXL's UNet reads beside `contexts()`, one per row; empty for SD1.x."""
        call, (width, height) = self.trajectory.done, self.conditioning.size
        prompts = [*self.conditioning.positive]
        if self.has_negative:
            prompts.append(self.conditioning.negative)
        pooled = [p for p in (c.pooled_at(call) for c in prompts) if p is not None]
        # Original size, corner of the crop, target size: the web UI's default says the picture was never cut.
        ids = [[height, width, 0, 0, height, width]]
        return [AddedConditions(p, torch.tensor(ids, dtype=torch.float32, device=p.device)) for p in pooled]

    @property
    def rows(self) -> int:
        """UNet rows of its next call."""
        return len(self.conditioning.positive) + self.has_negative

    def ticket(self) -> Ticket:
        """What the step planner needs to know."""
        _, channels, height, width = self.trajectory.latents.shape
        key = BatchKey(
            self.checkpoint,
            (channels, height, width),
            self.conditioning.chunks,
            lora_set(self.unet_loras),
            self.is_tiling,
        )
        return Ticket(self.request_id, key, self.rows, self.order, self.done == 0, self.last_tick, self.request.tenant)
