from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from generator.errors import UnsupportedSpell
from generator.sampling.brownian import BrownianNoise
from generator.sampling.noise import SampleNoise, spherical_mix
from generator.sampling.noise_settings import NoiseSettings, read_noise_settings
from generator.sampling.philox import PhiloxNoise, philox_normal

GOLDEN = json.loads((Path(__file__).parent / "k_diffusion_golden.json").read_text())
CPU = NoiseSettings("cpu")
SHAPE = (4, 6, 5)

# What a CUDA card gives for torch.manual_seed(0); torch.randn(3, 4, device="cuda").
CUDA_SEED_0 = [
    [-0.92466259, -0.42534415, -2.6438457, 0.14518388],
    [-0.12086647, -0.57972564, -0.62285122, -0.32838709],
    [-1.07454231, -0.36314407, -1.67105067, 2.26550497],
]


def test_philox_noise_is_what_a_cuda_card_draws() -> None:
    assert torch.allclose(PhiloxNoise(0).normal((3, 4)), torch.tensor(CUDA_SEED_0), atol=1e-6)


def test_philox_draws_differ_by_seed_and_draw_and_are_normal() -> None:
    noise = PhiloxNoise(2**40 + 7)
    first, second = noise.normal((4, 64, 64)), noise.normal((4, 64, 64))
    assert not torch.equal(first, second)
    assert not torch.equal(first, PhiloxNoise(7).normal((4, 64, 64)))
    for drawn in (first, second):
        assert float(drawn.mean()) == pytest.approx(0.0, abs=0.03)
        assert float(drawn.std()) == pytest.approx(1.0, abs=0.03)
        assert bool(torch.isfinite(drawn).all())


def test_philox_draws_of_several_seeds_together_are_those_of_each_alone() -> None:
    together = philox_normal([5, 2**33 + 1], 3, 10, torch.device("cpu"))
    for row, seed in zip(together, (5, 2**33 + 1), strict=True):
        assert torch.equal(row, philox_normal([seed], 3, 10, torch.device("cpu"))[0])


def test_cpu_noise_is_torchs_cpu_generator() -> None:
    generator = torch.Generator("cpu").manual_seed(123)
    noise = SampleNoise(123, SHAPE, CPU)
    for _ in range(3):
        assert torch.equal(noise.normal(), torch.randn((1, *SHAPE), generator=generator))


@pytest.mark.parametrize("source", ["cpu", "nv"])
def test_noise_depends_on_seed_and_number_of_the_draw_only(source: str) -> None:
    settings = read_noise_settings((), source)
    a, b, c = (SampleNoise(seed, SHAPE, settings) for seed in (1, 1, 2))
    first = a.normal()
    c.normal()
    assert torch.equal(first, b.normal())
    assert torch.equal(a.normal(), b.normal())
    assert not torch.equal(first, SampleNoise(2, SHAPE, settings).normal())


def test_ensd_shifts_the_seed_of_all_draws_but_the_first() -> None:
    plain, shifted, other = SampleNoise(1, SHAPE), SampleNoise(1, SHAPE, NoiseSettings(later_seed_shift=31337)), None
    assert torch.equal(plain.normal(), shifted.normal())
    other = SampleNoise(1 + 31337, SHAPE)
    assert torch.equal(shifted.normal(), other.normal())
    assert not torch.equal(plain.normal(), shifted.normal())


@pytest.mark.parametrize(("strength", "seed"), [(0.0, 1), (1.0, 9)])
def test_a_variation_goes_from_the_seeds_noise_to_the_variation_seeds(strength: float, seed: int) -> None:
    mixed = SampleNoise(1, SHAPE, NoiseSettings(variation_seed=9, variation_strength=strength)).normal()
    assert torch.allclose(mixed, SampleNoise(seed, SHAPE).normal(), atol=1e-5)


def test_a_half_variation_is_between_both_and_keeps_its_length() -> None:
    a, b = PhiloxNoise(1).normal((4, 32, 32)), PhiloxNoise(2).normal((4, 32, 32))
    mixed = spherical_mix(0.5, a, b)
    lengths = torch.stack([t.norm(dim=1) for t in (a, b)]).mean(0)
    assert torch.allclose(mixed.norm(dim=1), lengths, rtol=0.1)
    assert float((mixed * a).mean()) == pytest.approx(float((mixed * b).mean()), abs=0.05)
    assert torch.allclose(spherical_mix(0.3, a, a), a, atol=1e-5)


@pytest.mark.parametrize(("size", "shape"), [((32, 48), (4, 8, 6)), ((64, 64), (4, 6, 6)), ((40, 40), (4, 8, 5))])
def test_seed_resize_keeps_the_middle_of_the_other_sizes_noise(size: tuple[int, int], shape: tuple[int, ...]) -> None:
    width, height = size[0] // 8, size[1] // 8
    resized = SampleNoise(1, (4, shape[1], shape[2]), NoiseSettings(resize_from=size)).normal()[0]
    inner = SampleNoise(1, (4, height, width)).normal()[0]
    centre = (shape[1] // 2, shape[2] // 2)
    offset = (
        centre[0] - max((shape[1] - height) // 2, 0) + max(-((shape[1] - height) // 2), 0),
        centre[1] - max((shape[2] - width) // 2, 0) + max(-((shape[2] - width) // 2), 0),
    )
    assert torch.equal(resized[:, centre[0], centre[1]], inner[:, offset[0], offset[1]])


def _cpu_draw(seeds: object) -> Tensor:
    return torch.stack([SampleNoise(s, (4, 4, 4), CPU).normal()[0] for s in seeds])  # type: ignore[attr-defined]


@pytest.mark.parametrize("stretch", GOLDEN["brownian"])
def test_brownian_noise_is_that_of_k_diffusion_for_the_same_seed(stretch: str) -> None:
    noise = SampleNoise(42, (4, 4, 4), CPU)
    noise.plant_tree(0.03, 14.6)
    sigma, sigma_next = (float(s) for s in stretch.split(","))
    drawn = noise.brownian(sigma, sigma_next).flatten()[:6].tolist()
    assert drawn == pytest.approx(GOLDEN["brownian"][stretch], abs=1e-5)


def test_brownian_noise_is_one_path_however_it_is_cut_and_in_whatever_order_it_is_asked() -> None:
    path = BrownianNoise(7, 0.1, 10.0, _cpu_draw)
    whole = path(10.0, 1.0) * 9.0**0.5
    parts = path(10.0, 4.0) * 6.0**0.5 + path(4.0, 1.0) * 3.0**0.5
    assert torch.allclose(whole, parts, atol=1e-5)
    assert torch.equal(path(4.0, 1.0), -path(1.0, 4.0))
    other = BrownianNoise(7, 0.1, 10.0, _cpu_draw)
    for i in range(40):
        other(10.0 - 0.2 * i, 9.9 - 0.2 * i)
    assert torch.equal(other(4.0, 1.0), path(4.0, 1.0))


@pytest.mark.parametrize("source", ["cpu", "nv"])
def test_brownian_noise_has_unit_variance_and_is_finite_at_and_beyond_the_ends(source: str) -> None:
    noise = SampleNoise(3, (4, 64, 64), read_noise_settings((), source))
    noise.plant_tree(0.0291671, 14.6146412)
    for sigma, sigma_next in ((5.0, 2.0), (14.61464123, 9.0), (0.1, 0.02916715), (20.0, 0.001)):
        drawn = noise.brownian(sigma, sigma_next)
        assert drawn.shape == (1, 4, 64, 64)
        assert float(drawn.std()) == pytest.approx(1.0, abs=0.03)


def test_brownian_noise_before_its_tree_is_a_programming_error() -> None:
    with pytest.raises(RuntimeError, match="plant_tree"):
        SampleNoise(1, SHAPE).brownian(1.0, 0.5)


def test_the_settings_are_read_from_infotext_pairs() -> None:
    extra = (
        ("RNG", "CPU"),
        ("ENSD", "31337"),
        ("Variation seed", "7"),
        ("Variation seed strength", "0.25"),
        ("Seed resize from", "512x768"),
        ("Eta", "0.67"),
        ("Lora hashes", "x: 1"),
    )
    assert read_noise_settings(extra) == NoiseSettings("cpu", 31337, 7, 0.25, (512, 768), 0.67)
    assert read_noise_settings(()) == NoiseSettings("nv")
    assert read_noise_settings((("RNG", "GPU"),), "cpu").source == "nv"
    assert read_noise_settings((("Seed resize from", "-1x-1"),)).resize_from is None


@pytest.mark.parametrize("pair", [("ENSD", "many"), ("Eta", "5"), ("RNG", "dice"), ("Variation seed strength", "nan")])
def test_a_value_that_says_nothing_is_left_out_and_told(pair: tuple[str, str]) -> None:
    settings = read_noise_settings((pair,))
    assert settings == NoiseSettings()
    assert settings.not_understood == (f"{pair[0].lower()}: {pair[1]}",)


def test_an_unknown_default_source_is_refused() -> None:
    with pytest.raises(UnsupportedSpell):
        read_noise_settings((), "dice")


def test_unit_noise_of_both_sources_is_shaped_and_typed_alike() -> None:
    for source in ("cpu", "nv"):
        drawn = SampleNoise(0, SHAPE, read_noise_settings((), source)).normal()
        assert drawn.shape == (1, *SHAPE)
        assert drawn.dtype == torch.float32
        assert math.isfinite(float(drawn.sum()))
