from __future__ import annotations

import pytest

from prompts.errors import UnknownName
from prompts.vocabulary import (
    SAMPLERS,
    SCHEDULE_TYPES,
    UPSCALERS,
    sampler_named,
    schedule_type_named,
    split_sampler,
    upscaler_named,
)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
def test_every_sampler_is_found_by_each_of_its_names(sampler: object) -> None:
    for name in (sampler.name, *sampler.aliases):  # type: ignore[attr-defined]
        assert sampler_named(f" {name.upper()} ") is sampler


@pytest.mark.parametrize(("label", "aliases"), SCHEDULE_TYPES)
def test_every_schedule_type_is_found_by_each_of_its_names(label: str, aliases: tuple[str, ...]) -> None:
    assert {schedule_type_named(name) for name in (label, *aliases)} == {label}


def test_no_two_samplers_share_a_name() -> None:
    names = [name for s in SAMPLERS for name in {n.casefold() for n in (s.name, *s.aliases)}]
    assert len(names) == len(set(names))


def test_what_automatic_stands_for_is_a_schedule_type() -> None:
    assert {sampler.automatic for sampler in SAMPLERS} <= {label for label, _ in SCHEDULE_TYPES}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DPM++ SDE Karras", ("DPM++ SDE", "Karras")),
        ("DPM++ 2M SDE Heun Exponential", ("DPM++ 2M SDE Heun", "Exponential")),
        ("DPM++ 2M SGM Uniform", ("DPM++ 2M", "SGM Uniform")),
        ("dpm++ sde karras", ("DPM++ SDE", "Karras")),
        ("Euler a", ("Euler a", None)),
        ("k_dpmpp_2m", ("DPM++ 2M", None)),
        ("DDIM", ("DDIM", None)),
    ],
)
def test_a_combined_sampler_name_is_split(text: str, expected: tuple[str, str | None]) -> None:
    assert split_sampler(text) == expected


@pytest.mark.parametrize(
    ("find", "text", "code", "near"),
    [
        (sampler_named, "DPM++ SDEE", "sampler_not_found", "DPM++ SDE"),
        (schedule_type_named, "Karas", "schedule_type_not_found", "Karras"),
        (upscaler_named, "Latent (bicubik)", "upscaler_not_found", "Latent (bicubic)"),
        (split_sampler, "Eulr Karras", "sampler_not_found", "Euler"),
    ],
)
def test_an_unknown_name_is_refused_with_near_ones(find: object, text: str, code: str, near: str) -> None:
    with pytest.raises(UnknownName) as caught:
        find(text)  # type: ignore[operator]
    assert caught.value.stable_code == code
    assert near in caught.value.facts["near"]  # type: ignore[operator]
    assert near in caught.value.detail


def test_an_installed_upscaler_is_known_beside_the_built_in_ones() -> None:
    assert upscaler_named("r-esrgan 4x+", installed=["R-ESRGAN 4x+"]) == "R-ESRGAN 4x+"
    assert upscaler_named("latent") == "Latent"
    assert len(set(UPSCALERS)) == len(UPSCALERS)
