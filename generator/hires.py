"""Hires fix, by the web UI's rules: upscale, add the same seed's noise at the larger size, denoise again."""

from __future__ import annotations

from torch import Tensor

from generator.models.checkpoint import Checkpoint
from generator.sample import HiresPlan, Sample
from generator.sampling.noise import SampleNoise
from generator.sampling.samplers import trajectory_from_latents
from generator.sampling.trajectory import ModelCall, Trajectory
from generator.upscalers import upscale, upscale_pixels
from prompts.spell import HiresFix
from prompts.vocabulary import LATENT_UPSCALERS

_WEAKEST = 0.01


def schedule_length(steps: int, denoising_strength: float) -> int:
    """The whole schedule of which the second pass walks exactly the last `steps` steps.

    The web UI's rule: int(steps / min(strength, 0.999)); 0 when nothing is to be denoised. Strengths below 0.01,
    the web UI's finest, count as that: the schedule would have no end.
    """
    return int(steps / min(max(denoising_strength, _WEAKEST), 0.999)) if denoising_strength > 0 else 0


def cover_and_crop(hires: HiresFix, width: int, height: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """(size to upscale to, size to cut from its middle), each (width, height) in pixels.

    They differ only when both sides of `resize_to` are given and the ratio changes: then the picture is
    enlarged until it covers the target.
    """
    target = hires.target_size(width, height)
    if hires.resize_to is None or 0 in hires.resize_to:
        return target, target
    target_width, target_height = target
    if width * target_height < target_width * height:
        return (target_width, target_width * height // width), target
    return (target_height * width // height, target_height), target


def leave_checkpoint(sample: Sample, plan: HiresPlan, checkpoint: Checkpoint) -> None:
    """Make a sample whose first pass is finished independent of the checkpoint that drew it.

    As in the web UI a pixel upscaler decodes with the first checkpoint's VAE; the second one's encodes.
    """
    if plan.upscaler not in LATENT_UPSCALERS:
        cell = checkpoint.latent_cell
        size = (plan.size[0] // cell * cell, plan.size[1] // cell * cell)
        pixels = checkpoint.decode(sample.trajectory.latents)
        sample.enlarged = upscale_pixels(pixels, plan.upscaler, size, plan.network).cpu()


def start_second_pass(sample: Sample, plan: HiresPlan, checkpoint: Checkpoint) -> None:
    """Move a sample whose first pass is finished on to the larger shape."""
    if sample.enlarged is not None:
        large, sample.enlarged = checkpoint.encode(sample.enlarged), None
    else:
        large = upscale(sample.trajectory.latents, plan.upscaler, plan.size, checkpoint, plan.network)
    large = _cut_middle(large, plan, checkpoint.latent_cell)
    sample.trajectory = _second_trajectory(sample, plan, checkpoint, large)
    sample.conditioning = plan.conditioning
    sample.phase = "hires"


def _second_trajectory(sample: Sample, plan: HiresPlan, checkpoint: Checkpoint, large: Tensor) -> Trajectory:
    if plan.steps == 0:
        return Standstill(large)
    _, channels, height, width = large.shape
    seed = sample.request.spell.params.seed or 0
    noise = SampleNoise(seed, (channels, height, width), sample.noise_settings, checkpoint.compute.device)
    return trajectory_from_latents(plan.sampler, checkpoint.levels, noise, large, plan.steps)


def _cut_middle(latents: Tensor, plan: HiresPlan, cell: int) -> Tensor:
    """Cut the overhang (in whole cells, the odd one from the far side) off a covering picture."""
    over_x = max((plan.size[0] - plan.crop[0]) // cell, 0)
    over_y = max((plan.size[1] - plan.crop[1]) // cell, 0)
    height, width = latents.shape[2:]
    return latents[:, :, over_y // 2 : height - (over_y + 1) // 2, over_x // 2 : width - (over_x + 1) // 2].contiguous()


class Standstill:
    """A trajectory without any calls: denoising strength 0 only upscales."""

    reads_negative = False
    total = 0
    done = 0
    is_finished = True

    def __init__(self, latents: Tensor) -> None:
        """`latents` are the result."""
        self.latents = latents
        self.denoised = latents

    def next_call(self) -> ModelCall:
        """Never to be called.

        Raises:
            RuntimeError: Always: there is nothing to ask.
        """
        raise RuntimeError("a standstill has no UNet calls")

    def advance(self, output: Tensor, negative: Tensor | None = None) -> None:
        """Never to be called.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError("a standstill has no UNet calls")
