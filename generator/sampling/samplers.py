"""From A1111's sampler and schedule type names to a trajectory for one picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from generator.errors import UnsupportedSpell
from generator.sampling import solvers
from generator.sampling.dpm_adaptive import TYPICAL_CALLS, dpm_adaptive
from generator.sampling.dpm_fast import dpm_fast
from generator.sampling.noise import SampleNoise
from generator.sampling.noise_levels import NoiseLevels
from generator.sampling.noise_schedulers import (
    DIFFUSERS_SAMPLERS,
    NoiseSchedulerTrajectory,
    make_noise_scheduler,
)
from generator.sampling.restart import restart
from generator.sampling.schedule_types import Sigmas, concrete_schedule_type, sigmas_for
from generator.sampling.timestep_solvers import (
    ddim,
    ddim_cfg_plus_plus,
    lcm,
    lcm_sigmas,
    plms,
    start_scale,
    timestep_sigmas,
)
from generator.sampling.trajectory import Keep, SolverTrajectory, Trajectory, count_calls, silence

SolverFunction = Callable[[Tensor, Sigmas, solvers.Noise], solvers.Solver]


@dataclass(frozen=True, slots=True)
class _SolverEntry:
    """A coroutine and what A1111 sets beside it."""

    function: SolverFunction
    is_brownian: bool = False
    """Whether it draws from the Brownian path."""
    drops_penultimate: bool = False
    """Whether the schedule is made one step longer and its next-to-last sigma left out."""
    is_timestep_sampler: bool = False
    """Whether it walks whole training timesteps of its own and starts at variance 1."""
    reads_negative: bool = False
    """Whether it wants the negative prompt's guess beside the guided one (CFG++)."""
    typical_calls: int = 0
    """UNet calls of one that chooses its steps itself; 0 for the others, which can be counted."""


_SOLVERS: Mapping[str, _SolverEntry] = MappingProxyType(
    {
        "Euler": _SolverEntry(solvers.euler),
        "Euler a": _SolverEntry(solvers.euler_ancestral),
        "Heun": _SolverEntry(solvers.heun),
        "Restart": _SolverEntry(restart),
        "DPM fast": _SolverEntry(dpm_fast),
        "DPM adaptive": _SolverEntry(dpm_adaptive, typical_calls=TYPICAL_CALLS),
        "DDIM": _SolverEntry(ddim, is_timestep_sampler=True),
        "DDIM CFG++": _SolverEntry(ddim_cfg_plus_plus, is_timestep_sampler=True, reads_negative=True),
        "PLMS": _SolverEntry(plms, is_timestep_sampler=True),
        "LCM": _SolverEntry(lcm),
        "LMS": _SolverEntry(solvers.lms),
        "DPM2": _SolverEntry(solvers.dpm_2, drops_penultimate=True),
        "DPM2 a": _SolverEntry(solvers.dpm_2_ancestral, drops_penultimate=True),
        "DPM++ 2S a": _SolverEntry(solvers.dpmpp_2s_ancestral),
        "DPM++ 2M": _SolverEntry(solvers.dpmpp_2m),
        "DPM++ SDE": _SolverEntry(solvers.dpmpp_sde, is_brownian=True),
        "DPM++ 2M SDE": _SolverEntry(solvers.dpmpp_2m_sde, is_brownian=True),
        "DPM++ 2M SDE Heun": _SolverEntry(solvers.dpmpp_2m_sde_heun, is_brownian=True),
        "DPM++ 3M SDE": _SolverEntry(solvers.dpmpp_3m_sde, is_brownian=True, drops_penultimate=True),
    }
)

SUPPORTED_SAMPLERS: tuple[str, ...] = (*_SOLVERS, *DIFFUSERS_SAMPLERS)
"""A1111 names of every sampler this engine runs."""


@dataclass(frozen=True, slots=True)
class SamplerPlan:
    """A sampler with its schedule type and steps, checked to be supported."""

    sampler: str
    schedule_type: str
    """Concrete: never `Automatic`, except for the samplers that have only their own spacing."""
    steps: int

    def notes(self) -> tuple[str, ...]:
        """What differs from the web UI, in plain words; empty for most."""
        if self.sampler == "UniPC":
            return ("UniPC is diffusers' implementation; the web UI's gives a slightly different picture.",)
        return ()


def plan_sampler(sampler: str, schedule_type: str, steps: int) -> SamplerPlan:
    """Check a sampler and schedule type before any work.

    Raises:
        UnsupportedSpell: This engine lacks the sampler, or the sampler that schedule type; the detail
            names one that is near.
    """
    if sampler not in SUPPORTED_SAMPLERS:
        near = "Euler"
        raise UnsupportedSpell(
            f"The sampler {sampler!r} is not supported here; {near!r} is near.",
            field="sampler",
            got=sampler,
            near=[near],
        )
    if sampler in DIFFUSERS_SAMPLERS or _SOLVERS[sampler].is_timestep_sampler:
        accepted = ("Automatic", "Uniform", "DDIM", *(("Karras",) if sampler == "UniPC" else ()))
        if schedule_type not in accepted:
            raise UnsupportedSpell(
                f"{sampler} cannot be combined with the schedule type {schedule_type!r} here; use 'Automatic'.",
                field="schedule_type",
                got=schedule_type,
                near=list(accepted),
            )
        return SamplerPlan(sampler, schedule_type, steps)
    return SamplerPlan(sampler, concrete_schedule_type(sampler, schedule_type), steps)


def pass_sigmas(plan: SamplerPlan, levels: NoiseLevels) -> Sigmas:
    """The sigmas that a sampler written as a coroutine walks (see `schedule_types.sigmas_for`).

    Raises:
        UnsupportedSpell: The schedule type is not supported.
    """
    if _SOLVERS[plan.sampler].is_timestep_sampler:
        return timestep_sigmas(levels, plan.steps)
    if plan.sampler == "LCM" and plan.schedule_type == "Uniform":  # its own spacing is what Automatic means
        return lcm_sigmas(levels, plan.steps)
    if not _SOLVERS[plan.sampler].drops_penultimate:
        return sigmas_for(plan.schedule_type, levels, plan.steps)
    sigmas = sigmas_for(plan.schedule_type, levels, plan.steps + 1)
    return (*sigmas[:-2], sigmas[-1])


def trajectory_from_noise(plan: SamplerPlan, levels: NoiseLevels, noise: SampleNoise) -> Trajectory:
    """The way from pure noise (the noise object's first draw) to latents: txt2img."""
    if plan.sampler in DIFFUSERS_SAMPLERS:
        return NoiseSchedulerTrajectory.from_noise(_noise_scheduler(plan, levels), levels, noise)
    sigmas = pass_sigmas(plan, levels)
    scale = start_scale(sigmas[0]) if _SOLVERS[plan.sampler].is_timestep_sampler else sigmas[0]
    return _solver_trajectory(plan, levels, noise, sigmas, noise.normal() * scale)


def trajectory_from_latents(
    plan: SamplerPlan,
    levels: NoiseLevels,
    noise: SampleNoise,
    clean: Tensor,
    steps: int,
    keep: Keep | None = None,
) -> Trajectory:
    """The way from clean latents, noised again, through the last `steps` steps: hires fix, img2img.

    Args:
        plan: Its `steps` is the length of the whole schedule, of which only the end is walked.
        levels: The checkpoint's noise levels.
        noise: Shaped like `clean`; its first draw is added.
        clean: `(1, channels, height, width)`.
        steps: Steps to walk, at most `plan.steps`.
        keep: For inpainting; see `Keep`.
    """
    if plan.sampler in DIFFUSERS_SAMPLERS:
        scheduler = _noise_scheduler(plan, levels)
        return NoiseSchedulerTrajectory.from_latents(scheduler, levels, noise, clean, steps, keep)
    sigmas = pass_sigmas(plan, levels)[-(steps + 1) :]
    return _solver_trajectory(plan, levels, noise, sigmas, clean + noise.normal() * sigmas[0], keep)


def count_pass_calls(plan: SamplerPlan, levels: NoiseLevels, steps: int | None = None) -> int:
    """UNet calls of a pass: from noise, or of its last `steps` steps when that is given."""
    if plan.sampler in DIFFUSERS_SAMPLERS:
        return plan.steps if steps is None else steps
    sigmas = pass_sigmas(plan, levels)
    walked_sigmas = sigmas if steps is None else sigmas[-(steps + 1) :]
    return _calls(_SOLVERS[plan.sampler], walked_sigmas)


def _noise_scheduler(plan: SamplerPlan, levels: NoiseLevels) -> object:
    return make_noise_scheduler(plan.sampler, levels, plan.steps, use_karras=plan.schedule_type == "Karras")


def _solver_trajectory(
    plan: SamplerPlan, levels: NoiseLevels, noise: SampleNoise, sigmas: Sigmas, x: Tensor, keep: Keep | None = None
) -> Trajectory:
    entry = _SOLVERS[plan.sampler]
    if entry.is_brownian:
        noise.plant_tree(min(s for s in sigmas if s > 0), max(sigmas))
    solver = entry.function(x, sigmas, noise)
    return SolverTrajectory(solver, levels, _calls(entry, sigmas), keep, reads_negative=entry.reads_negative)


def _calls(entry: _SolverEntry, sigmas: Sigmas) -> int:
    """UNet calls over these sigmas; a guess for a solver that chooses its steps itself."""
    return entry.typical_calls or count_calls(entry.function(torch.zeros(()), sigmas, silence()))
