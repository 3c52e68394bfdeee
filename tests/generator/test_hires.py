from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from generator.engine import Engine
from generator.events import Event, ImageReady, Started, StepDone
from generator.hires import Standstill, cover_and_crop, schedule_length
from generator.request import GenerationRequest
from generator.upscalers import resize_pixels, upscale
from prompts.spell import HiresFix
from prompts.vocabulary import LATENT_UPSCALERS, UPSCALERS

Ask = Callable[..., GenerationRequest]
Draw = Callable[[Engine, GenerationRequest], ImageReady]
RunAll = Callable[[Engine, Sequence[GenerationRequest]], list[Event]]


@pytest.mark.parametrize(
    ("steps", "strength", "length"),
    [(10, 0.5, 20), (10, 0.7, 14), (20, 0.4, 50), (20, 1.0, 20), (15, 0.999, 15), (10, 0.33, 30), (10, 0.0, 0)],
)
def test_the_schedule_is_as_long_as_the_web_ui_makes_it(steps: int, strength: float, length: int) -> None:
    assert schedule_length(steps, strength) == length


@pytest.mark.parametrize(
    ("hires", "size", "crop"),
    [
        (HiresFix(upscale_by=2.0), (1024, 768), (1024, 768)),
        (HiresFix(upscale_by=1.3), (665, 499), (665, 499)),
        (HiresFix(resize_to=(0, 0), upscale_by=1.5), (768, 576), (768, 576)),
        (HiresFix(resize_to=(1024, 0)), (1024, 768), (1024, 768)),
        (HiresFix(resize_to=(0, 1024)), (1365, 1024), (1365, 1024)),
        (HiresFix(resize_to=(1024, 1024)), (1365, 1024), (1024, 1024)),
        (HiresFix(resize_to=(1024, 512)), (1024, 768), (1024, 512)),
    ],
)
def test_both_sides_given_cover_the_target_and_are_cut(
    hires: HiresFix, size: tuple[int, int], crop: tuple[int, int]
) -> None:
    assert cover_and_crop(hires, 512, 384) == (size, crop)


@pytest.mark.parametrize("strength", [0.3, 0.7, 1.0])
@pytest.mark.parametrize(("asked", "steps"), [(0, 4), (3, 3), (7, 7)])
def test_the_second_pass_has_exactly_its_steps(
    engine: Engine, ask: Ask, run_all: RunAll, strength: float, asked: int, steps: int
) -> None:
    events = run_all(engine, [ask(steps=4, hires=HiresFix(1.5, steps=asked, denoising_strength=strength))])
    phases = [e.phase for e in events if isinstance(e, StepDone)]
    assert phases == ["base"] * 4 + ["hires"] * steps
    assert next(e.total for e in events if isinstance(e, Started)) == 4 + steps


@pytest.mark.parametrize("upscaler", UPSCALERS)
def test_every_upscaler_draws_at_the_larger_size(engine: Engine, ask: Ask, draw_one: Draw, upscaler: str) -> None:
    picture = draw_one(engine, ask(hires=HiresFix(2.0, steps=2, upscaler=upscaler))).picture
    assert (picture.width, picture.height) == (128, 128)


def test_the_latent_upscalers_differ_at_a_broken_factor() -> None:
    latents = torch.randn((1, 4, 6, 6), generator=torch.Generator().manual_seed(0))
    checkpoint = SimpleNamespace(latent_cell=8)
    large = {u: upscale(latents, u, (80, 72), checkpoint) for u in LATENT_UPSCALERS}  # type: ignore[arg-type]
    assert {t.shape for t in large.values()} == {(1, 4, 9, 10)}
    # When enlarging, antialiasing changes nothing for bilinear; bicubic's filter has another parameter then.
    assert torch.allclose(large.pop("Latent (antialiased)"), large["Latent"], atol=1e-6)
    different = list(large.values())
    assert not any(torch.allclose(a, b) for a, b in itertools.combinations(different, 2))


def test_strength_0_only_upscales(engine: Engine, ask: Ask, run_all: RunAll) -> None:
    events = run_all(engine, [ask(steps=3, hires=HiresFix(2.0, denoising_strength=0.0))])
    assert [e.phase for e in events if isinstance(e, StepDone)] == ["base"] * 3
    assert isinstance(events[-1], ImageReady)
    assert events[-1].picture.width == 128


def test_a_low_strength_stays_near_the_first_picture_and_a_high_one_does_not(
    engine: Engine, ask: Ask, draw_one: Draw
) -> None:
    def pixels(**changes: object) -> np.ndarray:
        picture = draw_one(engine, ask(steps=6, **changes)).picture
        return np.frombuffer(picture.rgb, np.uint8).reshape(picture.height, picture.width, 3).astype(float)

    def hires(strength: float) -> np.ndarray:
        return pixels(hires=HiresFix(2.0, steps=4, denoising_strength=strength, upscaler="Latent (nearest)"))

    still = hires(0.0)
    assert np.abs(hires(0.05) - still).mean() < np.abs(hires(0.9) - still).mean()


def test_resize_to_another_ratio_gives_exactly_that_size(engine: Engine, ask: Ask, draw_one: Draw) -> None:
    picture = draw_one(engine, ask(hires=HiresFix(resize_to=(128, 96), steps=1))).picture
    assert (picture.width, picture.height) == (128, 96)


def test_a_size_that_is_no_multiple_of_a_latent_cell_is_cut_with_a_note(
    engine: Engine, ask: Ask, draw_one: Draw
) -> None:
    ready = draw_one(engine, ask(hires=HiresFix(1.3, steps=1)))
    assert (ready.picture.width, ready.picture.height) == (80, 80)
    assert "80x80" in ready.notes[0]


def test_the_second_pass_may_have_its_own_sampler_prompt_and_schedule(
    engine: Engine, ask: Ask, run_all: RunAll, draw_one: Draw
) -> None:
    own = HiresFix(1.5, steps=3, sampler="Heun", schedule_type="Karras", prompt="a blue dog", negative_prompt="x")
    events = run_all(engine, [ask(hires=own)])
    assert sum(isinstance(e, StepDone) and e.phase == "hires" for e in events) == 5
    assert isinstance(events[-1], ImageReady)
    plain = draw_one(engine, ask("b", hires=HiresFix(1.5, steps=3)))
    assert events[-1].picture.rgb != plain.picture.rgb


def test_the_same_seed_draws_the_same_hires_picture_again(engine: Engine, ask: Ask, draw_one: Draw) -> None:
    spell = {"sampler": "DPM++ SDE", "schedule_type": "Karras", "hires": HiresFix(2.0, steps=2)}
    assert draw_one(engine, ask("a", **spell)).picture.rgb == draw_one(engine, ask("b", **spell)).picture.rgb


def test_nearest_doubles_pixels_and_lanczos_keeps_flat_areas() -> None:
    pixels = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).expand(1, 3, 2, 2)
    doubled = resize_pixels(pixels, "Nearest", (4, 4))
    assert torch.equal(doubled, pixels.repeat_interleave(2, 2).repeat_interleave(2, 3))
    flat = torch.full((1, 3, 5, 7), 0.4)
    assert torch.allclose(resize_pixels(flat, "Lanczos", (14, 10)), torch.full((1, 3, 10, 14), 0.4))


def test_a_standstill_asks_for_nothing() -> None:
    latents = torch.zeros(1, 4, 2, 2)
    still = Standstill(latents)
    assert still.is_finished
    with pytest.raises(RuntimeError):
        still.next_call()
    with pytest.raises(RuntimeError):
        still.advance(latents)
