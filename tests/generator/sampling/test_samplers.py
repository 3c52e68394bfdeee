from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from generator.errors import UnsupportedSpell
from generator.models.checkpoint import noise_levels
from generator.sampling.noise import SampleNoise
from generator.sampling.noise_levels import NoiseLevels
from generator.sampling.samplers import (
    SUPPORTED_SAMPLERS,
    count_pass_calls,
    plan_sampler,
    trajectory_from_latents,
    trajectory_from_noise,
)
from generator.sampling.trajectory import Trajectory
from prompts.vocabulary import SAMPLERS, SCHEDULE_TYPES

SHAPE = (4, 6, 5)
LEVELS = noise_levels({})
Model = Callable[[Tensor, float], Tensor]


def _epsilon_model(model_input: Tensor, timestep: float) -> Tensor:
    """A smooth stand-in for a UNet that predicts noise."""
    sigma = LEVELS.sigma(timestep)
    x = model_input * (1 + sigma * sigma) ** 0.5
    denoised = x * 0.6 / (0.6 + sigma * sigma) + 0.1 * torch.tanh(model_input)
    return (x - denoised) / sigma


def _finish(trajectory: Trajectory, model: Model = _epsilon_model) -> Tensor:
    while not trajectory.is_finished:
        call = trajectory.next_call()
        output = model(call.model_input, call.timestep)
        trajectory.advance(output, 0.9 * output)
    assert trajectory.done == trajectory.total
    return trajectory.latents


def _draw(sampler: str, schedule_type: str = "Automatic", steps: int = 6, seed: int = 3) -> Tensor:
    plan = plan_sampler(sampler, schedule_type, steps)
    return _finish(trajectory_from_noise(plan, LEVELS, SampleNoise(seed, SHAPE)))


@pytest.mark.parametrize("sampler", SUPPORTED_SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2, 6, 21])
def test_every_sampler_is_finite_and_reproducible(sampler: str, steps: int) -> None:
    first, again, other = _draw(sampler, steps=steps), _draw(sampler, steps=steps), _draw(sampler, steps=steps, seed=4)
    assert first.shape == (1, *SHAPE)
    assert bool(torch.isfinite(first).all())
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    "sampler", [s for s in SUPPORTED_SAMPLERS if s not in ("DDIM", "DDIM CFG++", "PLMS", "UniPC", "LCM")]
)
@pytest.mark.parametrize("schedule_type", [label for label, _ in SCHEDULE_TYPES])
def test_every_k_diffusion_sampler_takes_every_schedule_type(sampler: str, schedule_type: str) -> None:
    assert bool(torch.isfinite(_draw(sampler, schedule_type)).all())


def test_every_sampler_of_the_vocabulary_is_supported() -> None:
    assert {s.name for s in SAMPLERS} == set(SUPPORTED_SAMPLERS)


def test_a_sampler_that_is_not_there_is_refused_with_a_near_one() -> None:
    with pytest.raises(UnsupportedSpell) as refused:
        plan_sampler("DEIS", "Automatic", 5)
    assert refused.value.facts["near"] == ["Euler"]


def test_the_calls_of_an_adaptive_sampler_are_guessed_and_then_known() -> None:
    trajectory = trajectory_from_noise(plan_sampler("DPM adaptive", "Automatic", 5), LEVELS, SampleNoise(3, SHAPE))
    assert trajectory.total == 75
    _finish(trajectory)
    assert trajectory.total == trajectory.done != 75


def test_cfg_plus_plus_reads_the_negative_prompts_own_guess() -> None:
    def drawn(share: float) -> Tensor:
        plan = plan_sampler("DDIM CFG++", "Automatic", 6)
        trajectory = trajectory_from_noise(plan, LEVELS, SampleNoise(3, SHAPE))
        assert trajectory.reads_negative
        while not trajectory.is_finished:
            call = trajectory.next_call()
            output = _epsilon_model(call.model_input, call.timestep)
            trajectory.advance(output, share * output)
        return trajectory.latents

    assert torch.allclose(drawn(1.0), _draw("DDIM"), atol=1e-5)
    assert not torch.allclose(drawn(0.5), drawn(1.0), atol=1e-2)


@pytest.mark.parametrize("sampler", [s for s in SUPPORTED_SAMPLERS if s != "DPM adaptive"])
@pytest.mark.parametrize(("length", "steps"), [(10, 4), (5, 5), (40, 1)])
def test_a_second_pass_walks_the_last_steps_and_its_calls_are_known_before(
    sampler: str, length: int, steps: int
) -> None:
    plan = plan_sampler(sampler, "Automatic", length)
    clean = torch.randn((1, *SHAPE), generator=torch.Generator().manual_seed(0))
    trajectory = trajectory_from_latents(plan, LEVELS, SampleNoise(3, SHAPE), clean, steps)
    assert trajectory.total == count_pass_calls(plan, LEVELS, steps)
    assert bool(torch.isfinite(_finish(trajectory)).all())


@pytest.mark.parametrize("sampler", ["Euler", "Euler a", "DPM++ 2M", "DPM++ 2M SDE", "UniPC"])
def test_first_order_in_calls_means_exactly_the_steps(sampler: str) -> None:
    assert count_pass_calls(plan_sampler(sampler, "Automatic", 20), LEVELS) == 20
    assert count_pass_calls(plan_sampler(sampler, "Automatic", 28), LEVELS, 20) == 20


@pytest.mark.parametrize("sampler", ["Heun", "DPM++ SDE", "DPM2", "DPM++ 2S a"])
def test_second_order_samplers_call_twice_but_for_the_last_step(sampler: str) -> None:
    assert count_pass_calls(plan_sampler(sampler, "Automatic", 20), LEVELS) == 39


def _diffusers_result(class_name: str, steps: int, **arguments: object) -> Tensor:
    """The same model under diffusers' own noise scheduler, in its own scale."""
    import diffusers

    from prompts.torch_guard import ensure_torchvision

    ensure_torchvision()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside diffusers
        scheduler = getattr(diffusers, class_name)(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", **arguments
        )
        scheduler.set_timesteps(steps)
        x = SampleNoise(3, SHAPE).normal() * scheduler.init_noise_sigma
        for t in scheduler.timesteps:
            output = _epsilon_model(scheduler.scale_model_input(x, t), float(t))
            x = scheduler.step(output, t, x, return_dict=False)[0]
    return x


KARRAS = {"use_karras_sigmas": True, "timestep_spacing": "linspace"}


@pytest.mark.parametrize(
    ("sampler", "schedule_type", "class_name", "arguments"),
    [
        ("Euler", "Karras", "EulerDiscreteScheduler", KARRAS),
        ("Euler", "Uniform", "EulerDiscreteScheduler", {"timestep_spacing": "linspace"}),
        ("Heun", "Karras", "HeunDiscreteScheduler", KARRAS),
        ("LMS", "Karras", "LMSDiscreteScheduler", KARRAS),
        ("DPM++ 2M", "Karras", "DPMSolverMultistepScheduler", KARRAS),
    ],
)
def test_k_diffusion_samplers_agree_with_diffusers_noise_schedulers(
    sampler: str, schedule_type: str, class_name: str, arguments: dict[str, object]
) -> None:
    ours, theirs = _draw(sampler, schedule_type, steps=10), _diffusers_result(class_name, 10, **arguments)
    # diffusers works in float32 sigmas and, for DPM++ 2M, in the variance-preserving scale.
    assert torch.allclose(ours, theirs, atol=4e-3), float((ours - theirs).abs().max())


def test_unipc_notes_that_it_is_an_approximation_and_euler_does_not() -> None:
    assert "UniPC" in plan_sampler("UniPC", "Automatic", 5).notes()[0]
    assert plan_sampler("Euler", "Automatic", 5).notes() == ()


def test_the_v_prediction_model_of_zero_terminal_snr_draws_finite_latents() -> None:
    levels = NoiseLevels(noise_levels({"rescale_betas_zero_snr": True}).sigmas, "v_prediction")
    for sampler in SUPPORTED_SAMPLERS:
        plan = plan_sampler(sampler, "Automatic", 5)
        trajectory = trajectory_from_noise(plan, levels, SampleNoise(1, SHAPE))
        latents = _finish(trajectory, lambda x, _: -x * 0.5)
        assert bool(torch.isfinite(latents).all()), sampler
