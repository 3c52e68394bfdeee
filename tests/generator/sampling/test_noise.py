from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from generator.sampling.noise import BrownianNoise, SampleNoise

GOLDEN = json.loads((Path(__file__).parent / "k_diffusion_golden.json").read_text())


def test_the_first_draw_is_torchs_cpu_noise_of_the_seed() -> None:
    expected = torch.randn((1, 4, 6, 5), generator=torch.Generator("cpu").manual_seed(123))
    assert torch.equal(SampleNoise(123, (4, 6, 5)).normal(), expected)


def test_noise_depends_on_seed_and_number_of_the_draw_only() -> None:
    a, b, c = SampleNoise(1, (4, 4, 4)), SampleNoise(1, (4, 4, 4)), SampleNoise(2, (4, 4, 4))
    first = a.normal()
    c.normal()
    assert torch.equal(first, b.normal())
    assert torch.equal(a.normal(), b.normal())
    assert not torch.equal(first, c.normal())


@pytest.mark.parametrize("stretch", GOLDEN["brownian"])
def test_brownian_noise_is_that_of_k_diffusion_for_the_same_seed(stretch: str) -> None:
    noise = SampleNoise(42, (4, 4, 4))
    noise.plant_tree(0.03, 14.6)
    sigma, sigma_next = (float(s) for s in stretch.split(","))
    assert noise.brownian(sigma, sigma_next).flatten()[:6].tolist() == pytest.approx(
        GOLDEN["brownian"][stretch], abs=1e-5
    )


def test_brownian_noise_is_one_path_however_it_is_cut() -> None:
    path = BrownianNoise(7, (1, 8, 8), 0.1, 10.0)
    whole = path(10.0, 1.0) * 9.0**0.5
    parts = path(10.0, 4.0) * 6.0**0.5 + path(4.0, 1.0) * 3.0**0.5
    assert torch.allclose(whole, parts, atol=1e-5)
    assert torch.allclose(path(4.0, 1.0), -path(1.0, 4.0))


def test_brownian_noise_has_unit_variance() -> None:
    noise = BrownianNoise(3, (4, 64, 64), 0.03, 14.6)(5.0, 2.0)
    assert float(noise.std()) == pytest.approx(1.0, abs=0.02)


def test_brownian_noise_before_its_tree_is_a_programming_error() -> None:
    with pytest.raises(RuntimeError, match="plant_tree"):
        SampleNoise(1, (4, 4, 4)).brownian(1.0, 0.5)
