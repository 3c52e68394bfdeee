from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from generator.errors import GeneratorError
from generator.sampling import solvers
from generator.sampling.dpm_adaptive import dpm_adaptive
from generator.sampling.dpm_fast import dpm_fast, step_orders
from generator.sampling.restart import restart, restart_steps
from generator.sampling.schedule_types import karras_between
from generator.sampling.timestep_solvers import ddim, ddim_cfg_plus_plus, plms, start_scale

# What the k-diffusion package (0.1.1.post1) gives for the model and noises below, in float64.
GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "k_diffusion_golden.json").read_text())
SOLVERS = {
    "Euler": solvers.euler,
    "Euler a": solvers.euler_ancestral,
    "Heun": solvers.heun,
    "LMS": solvers.lms,
    "DPM2": solvers.dpm_2,
    "DPM2 a": solvers.dpm_2_ancestral,
    "DPM++ 2M": solvers.dpmpp_2m,
    "DPM++ 2S a": solvers.dpmpp_2s_ancestral,
    "DPM++ SDE": solvers.dpmpp_sde,
    "DPM++ 2M SDE": solvers.dpmpp_2m_sde,
    "DPM++ 2M SDE Heun": solvers.dpmpp_2m_sde_heun,
    "DPM++ 3M SDE": solvers.dpmpp_3m_sde,
}
START = torch.linspace(-1.5, 2.0, 8, dtype=torch.float64).reshape(1, 2, 2, 2)


class WaveNoise:
    """Noise that anybody can compute: cosines of the draw's number or of the sigmas."""

    def __init__(self, eta: float = 1.0) -> None:
        self.eta = eta
        self._draws = 0

    def normal(self) -> Tensor:
        self._draws += 1
        return torch.cos(torch.arange(8, dtype=torch.float64) * 1.7 + self._draws).reshape(1, 2, 2, 2)

    def brownian(self, sigma: float, sigma_next: float) -> Tensor:
        return torch.cos(torch.arange(8, dtype=torch.float64) * 1.3 + sigma + 2 * sigma_next).reshape(1, 2, 2, 2)


def bent_model(x: Tensor, sigma: float) -> Tensor:
    return x * (0.8 / (0.8 + sigma * sigma)) + 0.1 * torch.sin(3 * x / (1 + sigma)) + 0.05


def walk(solver: solvers.Solver, model: Callable[[Tensor, float], Tensor]) -> tuple[Tensor, list[float]]:
    asked = []
    try:
        x, sigma = next(solver)
        while True:
            asked.append(sigma)
            x, sigma = solver.send(model(x, sigma))
    except StopIteration as done:
        return done.value, asked


@pytest.mark.parametrize("name", SOLVERS)
def test_a_solver_gives_what_the_k_diffusion_package_gives(name: str) -> None:
    sigmas = karras_between(0.03, 14.6, 7)
    x, asked = walk(SOLVERS[name](START * sigmas[0], sigmas, WaveNoise()), bent_model)
    golden = GOLDEN[name]
    assert asked == pytest.approx(golden["sigmas"], rel=1e-6)
    assert x.flatten().tolist() == pytest.approx(golden["x"], rel=1e-8)


@pytest.mark.parametrize("name", [n.removesuffix(" eta 0.5") for n in GOLDEN if n.endswith(" eta 0.5")])
def test_a_stochastic_solver_with_half_its_noise_gives_what_the_k_diffusion_package_gives(name: str) -> None:
    sigmas = karras_between(0.03, 14.6, 7)
    x, _ = walk(SOLVERS[name](START * sigmas[0], sigmas, WaveNoise(0.5)), bent_model)
    assert x.flatten().tolist() == pytest.approx(GOLDEN[f"{name} eta 0.5"]["x"], rel=1e-8)


@pytest.mark.parametrize("name", ["Euler a", "DPM++ 2M SDE", "DPM++ 3M SDE", "DPM++ 2S a", "DPM2 a", "DPM++ SDE"])
def test_eta_0_makes_a_stochastic_solver_deterministic(name: str) -> None:
    sigmas = karras_between(0.03, 14.6, 7)
    results = []
    for draws_before in (0, 3):
        noise = WaveNoise(0.0)
        for _ in range(draws_before):
            noise.normal()
        results.append(walk(SOLVERS[name](START * sigmas[0], sigmas, noise), bent_model)[0])
    assert torch.equal(*results)


@pytest.mark.parametrize("calls", [7, 8, 9])
def test_dpm_fast_gives_what_the_k_diffusion_package_gives_in_exactly_its_calls(calls: int) -> None:
    sigmas = karras_between(0.03, 14.6, calls)
    x, asked = walk(dpm_fast(START * 14.6, sigmas, WaveNoise()), bent_model)
    golden = GOLDEN[f"DPM fast {calls}"]
    assert len(asked) == calls == golden["calls"]
    assert x.flatten().tolist() == pytest.approx(golden["x"], rel=1e-8)


@pytest.mark.parametrize(("label", "eta"), [("", 1.0), (" eta 0", 0.0), (" eta half", 0.5)])
def test_dpm_adaptive_takes_the_steps_that_the_k_diffusion_package_takes(label: str, eta: float) -> None:
    x, asked = walk(dpm_adaptive(START * 14.6, (14.6, 1.0, 0.03, 0.0), WaveNoise(eta)), bent_model)
    golden = GOLDEN[f"DPM adaptive{label}"]
    assert len(asked) == golden["calls"]
    # It remembers the slope of a point asked about twice; the package asks again.
    assert asked == pytest.approx(golden["sigmas"], rel=1e-5)
    assert x.flatten().tolist() == pytest.approx(golden["x"], rel=1e-5)


def test_dpm_adaptive_gives_up_on_a_network_whose_answers_jump() -> None:
    jumps = itertools.cycle((5.0, -5.0, 3.0))

    def model(x: Tensor, sigma: float) -> Tensor:
        return torch.full_like(x, 1e6 * next(jumps))

    with pytest.raises(GeneratorError, match="another sampler"):
        walk(dpm_adaptive(START * 14.6, (14.6, 0.03, 0.0), WaveNoise()), model)


def test_cfg_plus_plus_is_its_formula_in_the_variance_preserving_scale() -> None:
    """The web UI's lines for DDIM CFG++, in its own scale: x = sqrt(a) x0 + sqrt(1 - a) noise."""
    sigmas = (8.0, 3.0, 1.0, 0.3)
    solver = ddim_cfg_plus_plus(START * start_scale(sigmas[0]), sigmas, WaveNoise())
    a = [1 / (1 + s * s) for s in sigmas]
    own = START.clone()
    x, sigma = next(solver)
    for i in range(3):
        guided, negative = bent_model(x, sigma), 0.9 * bent_model(x, sigma) - 0.1
        noise = (own - math.sqrt(a[i]) * negative) / math.sqrt(1 - a[i])
        own = math.sqrt(a[i + 1]) * guided + math.sqrt(1 - a[i + 1]) * noise
        try:
            x, sigma = solver.send(torch.cat([guided, negative]))
        except StopIteration as done:
            x = done.value
    assert torch.allclose(x, own, rtol=1e-9)


@pytest.mark.parametrize("calls", range(1, 30))
def test_the_orders_of_dpm_fast_add_up_to_its_calls(calls: int) -> None:
    orders = step_orders(calls)
    assert sum(orders) == calls
    assert set(orders) <= {1, 2, 3}


def _gauss_model(x: Tensor, sigma: float) -> Tensor:
    """The exact denoiser of data drawn from a normal distribution with variance 0.25."""
    return x * 0.25 / (0.25 + sigma * sigma)


ORDERS = [("Euler", 1), ("Heun", 2), ("DPM2", 2), ("DPM++ 2M", 2), ("LMS", 3)]


@pytest.mark.parametrize(("name", "order"), ORDERS)
def test_the_error_of_a_deterministic_solver_falls_with_its_order(name: str, order: int) -> None:
    def error(steps: int) -> float:
        sigmas = tuple(10.0 * (0.1 / 10.0) ** (i / steps) for i in range(steps + 1))
        x, _ = walk(SOLVERS[name](torch.ones(1, 1, 1, 1, dtype=torch.float64), sigmas, WaveNoise()), _gauss_model)
        exact = math.sqrt((0.25 + 0.1**2) / (0.25 + 10.0**2))
        return abs(float(x) - exact)

    assert error(80) < error(40) / (2**order) * 1.4


class SeededNoise:
    eta = 1.0

    def __init__(self, count: int) -> None:
        self._generator = torch.Generator().manual_seed(0)
        self._count = count

    def normal(self) -> Tensor:
        return torch.randn((1, 1, 1, self._count), generator=self._generator, dtype=torch.float64)

    def brownian(self, sigma: float, sigma_next: float) -> Tensor:
        return self.normal()


STOCHASTIC = {
    **{k: SOLVERS[k] for k in ("Euler a", "DPM2 a", "DPM++ 2S a", "DPM++ SDE", "DPM++ 2M SDE", "DPM++ 3M SDE")},
    "Restart": restart,
}


@pytest.mark.parametrize("name", STOCHASTIC)
def test_a_stochastic_solver_draws_samples_of_the_right_spread(name: str) -> None:
    count = 20_000
    sigmas = karras_between(0.01, 20.0, 60)
    noise = SeededNoise(count)
    x, _ = walk(STOCHASTIC[name](noise.normal() * sigmas[0], sigmas, noise), _gauss_model)
    # First-order ones are still a few percent narrow at 60 steps.
    assert float(x.std()) == pytest.approx(0.5, rel=0.08)
    assert float(x.mean()) == pytest.approx(0.0, abs=0.015)


def test_restart_below_20_steps_is_heun() -> None:
    sigmas = karras_between(0.03, 14.6, 12)
    ours, asked = walk(restart(START, sigmas, WaveNoise()), bent_model)
    heun, asked_heun = walk(solvers.heun(START, sigmas, WaveNoise()), bent_model)
    assert torch.equal(ours, heun)
    assert asked == asked_heun


@pytest.mark.parametrize(("steps", "jumps"), [(19, 0), (20, 1), (35, 1), (36, 2), (60, 2)])
def test_restart_goes_back_up_as_often_as_the_web_ui_does(steps: int, jumps: int) -> None:
    pairs = restart_steps(karras_between(0.03, 14.6, steps))
    ups = [(a[1], b[0]) for a, b in itertools.pairwise(pairs) if b[0] > a[1]]
    assert len(ups) == jumps
    assert all(low < 0.2 and 1.5 < high < 3.0 for low, high in ups)
    assert len(pairs) == steps
    assert pairs[-1][1] == 0.0


def test_ddim_equals_its_formula_in_the_variance_preserving_scale() -> None:
    sigmas = (14.0, 5.0, 1.0, 0.04)
    ours, _ = walk(ddim(START * start_scale(sigmas[0]), sigmas, WaveNoise()), bent_model)
    x = START
    for sigma, sigma_next in itertools.pairwise(sigmas):
        alpha, alpha_next = 1 / (1 + sigma**2), 1 / (1 + sigma_next**2)
        eps = (x * start_scale(sigma) - bent_model(x * start_scale(sigma), sigma)) / sigma
        x0 = (x - math.sqrt(1 - alpha) * eps) / math.sqrt(alpha)
        x = math.sqrt(alpha_next) * x0 + math.sqrt(1 - alpha_next) * eps
    assert torch.allclose(ours, x, rtol=1e-10)


def test_plms_equals_its_formula_in_the_variance_preserving_scale() -> None:
    sigmas = (14.0, 8.0, 5.0, 2.0, 1.0, 0.3, 0.04)
    ours, asked = walk(plms(START * start_scale(sigmas[0]), sigmas, WaveNoise()), bent_model)
    x, old = START, []

    def eps_at(x: Tensor, sigma: float) -> Tensor:
        scaled = x * start_scale(sigma)
        return (scaled - bent_model(scaled, sigma)) / sigma

    def step(x: Tensor, eps: Tensor, sigma: float, sigma_next: float) -> Tensor:
        alpha, alpha_next = 1 / (1 + sigma**2), 1 / (1 + sigma_next**2)
        x0 = (x - math.sqrt(1 - alpha) * eps) / math.sqrt(alpha)
        return math.sqrt(alpha_next) * x0 + math.sqrt(1 - alpha_next) * eps

    for sigma, sigma_next in itertools.pairwise(sigmas):
        eps = eps_at(x, sigma)
        if not old:
            blend = (eps + eps_at(step(x, eps, sigma, sigma_next), sigma_next)) / 2
        elif len(old) == 1:
            blend = (3 * eps - old[-1]) / 2
        elif len(old) == 2:
            blend = (23 * eps - 16 * old[-1] + 5 * old[-2]) / 12
        else:
            blend = (55 * eps - 59 * old[-1] + 37 * old[-2] - 9 * old[-3]) / 24
        x = step(x, blend, sigma, sigma_next)
        old.append(eps)
    assert torch.allclose(ours, x, rtol=1e-9)
    assert len(asked) == len(sigmas)
