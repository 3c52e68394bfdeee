from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import pytest
import torch

from generator.errors import UnsupportedSpell
from generator.models.checkpoint import noise_levels
from generator.sampling.noise_levels import NoiseLevels
from generator.sampling.schedule_types import (
    beta_quantiles,
    concrete_schedule_type,
    exponential,
    karras,
    karras_between,
    kl_optimal,
    sgm_uniform,
    sigmas_for,
    uniform,
)
from prompts.vocabulary import SAMPLERS, SCHEDULE_TYPES

GOLDEN = json.loads((Path(__file__).parent / "k_diffusion_golden.json").read_text())
LABELS = [label for label, _ in SCHEDULE_TYPES if label != "Automatic"]


@pytest.fixture(scope="module")
def sd15() -> NoiseLevels:
    return noise_levels({})


def test_sd15_levels_have_the_known_ends(sd15: NoiseLevels) -> None:
    assert sd15.smallest == pytest.approx(0.0292, abs=1e-4)
    assert sd15.largest == pytest.approx(14.6146, abs=1e-3)
    assert len(sd15.sigmas) == 1000


def test_karras_sigmas_follow_the_papers_formula(sd15: NoiseLevels) -> None:
    steps, rho = 20, 7.0
    low, high = sd15.smallest ** (1 / rho), sd15.largest ** (1 / rho)
    expected = [(high + i / (steps - 1) * (low - high)) ** rho for i in range(steps)] + [0.0]
    assert karras(sd15, steps) == pytest.approx(expected)


def test_karras_and_exponential_sigmas_are_those_of_k_diffusion() -> None:
    levels = NoiseLevels((0.03, 14.6))
    assert karras_between(0.03, 14.6, 7) == pytest.approx(GOLDEN["schedules"]["karras"], rel=1e-6)
    assert exponential(levels, 7) == pytest.approx(GOLDEN["schedules"]["exponential"], rel=1e-6)


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("steps", [1, 2, 7, 20, 150])
def test_every_schedule_type_falls_strictly_from_the_largest_sigmas(sd15: NoiseLevels, label: str, steps: int) -> None:
    sigmas = sigmas_for(label, sd15, steps)
    assert all(a > b for a, b in itertools.pairwise(sigmas))
    assert len(sigmas) == steps + 1 or label == "DDIM"
    assert sigmas[0] <= 14.62
    assert sigmas[-1] == 0.0 or label == "KL Optimal"


@pytest.mark.parametrize("label", ["Uniform", "Karras", "Exponential", "SGM Uniform", "KL Optimal", "Beta"])
def test_schedule_types_start_at_the_largest_trained_sigma(sd15: NoiseLevels, label: str) -> None:
    assert sigmas_for(label, sd15, 20)[0] == pytest.approx(sd15.largest, rel=1e-6)


def test_uniform_steps_through_whole_timesteps_where_they_divide(sd15: NoiseLevels) -> None:
    assert uniform(sd15, 4)[:-1] == pytest.approx([sd15.sigmas[t] for t in (999, 666, 333, 0)])


def test_sgm_uniform_leaves_the_last_timestep_out(sd15: NoiseLevels) -> None:
    assert sgm_uniform(sd15, 3)[:-1] == pytest.approx([sd15.sigmas[t] for t in (999, 666, 333)])


def test_kl_optimal_ends_at_the_smallest_trained_sigma_as_in_the_web_ui(sd15: NoiseLevels) -> None:
    assert kl_optimal(sd15, 20)[-1] == pytest.approx(sd15.smallest)


def test_ddim_spacing_may_have_a_few_more_steps_as_in_the_web_ui(sd15: NoiseLevels) -> None:
    assert len(sigmas_for("DDIM", sd15, 20)) == 21
    assert len(sigmas_for("DDIM", sd15, 30)) == 32


def test_beta_quantiles_are_those_of_the_beta_distribution() -> None:
    # Values of scipy's own quantile function with both parameters 0.6.
    known = {0.0: 0.0, 0.01: 0.00086123882, 0.1: 0.03958440559, 0.25: 0.17568037865, 0.5: 0.5, 0.9: 0.96041559441}
    assert beta_quantiles(list(known), 0.6) == pytest.approx(list(known.values()), abs=1e-8)


def test_an_unknown_schedule_type_is_refused_with_near_ones(sd15: NoiseLevels) -> None:
    with pytest.raises(UnsupportedSpell) as refused:
        sigmas_for("Bogus", sd15, 5)
    assert refused.value.facts["near"] == ["Karras", "Uniform"]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_automatic_is_the_samplers_own_schedule_type(sampler: object) -> None:
    name, own = sampler.name, sampler.automatic  # type: ignore[attr-defined]
    assert concrete_schedule_type(name, "Automatic") == own
    assert concrete_schedule_type(name, "Beta") == "Beta"


@pytest.mark.parametrize("timestep", [0, 1, 500, 998, 999])
def test_timestep_and_sigma_are_inverse(sd15: NoiseLevels, timestep: int) -> None:
    assert sd15.timestep(sd15.sigmas[timestep]) == pytest.approx(timestep, abs=1e-6)
    assert sd15.sigma(timestep + 0.0) == pytest.approx(sd15.sigmas[timestep])


def test_timesteps_between_are_linear_in_log_sigma_and_held_at_the_ends(sd15: NoiseLevels) -> None:
    middle = math.sqrt(sd15.sigmas[10] * sd15.sigmas[11])
    assert sd15.timestep(middle) == pytest.approx(10.5)
    assert sd15.timestep(1e-6) == 0.0
    assert sd15.timestep(1e6) == 999.0


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
def test_each_prediction_type_gives_back_the_clean_latents(prediction: str) -> None:
    levels = NoiseLevels((0.1, 10.0), prediction)
    clean, noise, sigma = torch.tensor([0.3, -1.0]), torch.tensor([1.2, 0.4]), 2.5
    x = clean + sigma * noise
    alpha = 1 / math.sqrt(1 + sigma**2)
    output = {"epsilon": noise, "v_prediction": alpha * noise - sigma * alpha * clean, "sample": clean}[prediction]
    assert torch.allclose(levels.denoised(x, output, sigma), clean, atol=1e-6)


def test_zero_terminal_snr_pushes_the_largest_sigma_far_up_and_leaves_the_smallest() -> None:
    levels = noise_levels({"rescale_betas_zero_snr": True, "prediction_type": "v_prediction"})
    assert levels.largest == pytest.approx(4096, rel=0.01)
    assert levels.smallest == pytest.approx(0.0292, abs=1e-3)
