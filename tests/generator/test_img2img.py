from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from generator.demo.family import DemoFamily
from generator.engine import Engine
from generator.errors import UnsupportedSpell
from generator.events import Event, ImageReady, Picture, Started, StepDone
from generator.img2img import pixels_of
from generator.models.checkpoint import Checkpoint
from generator.request import GenerationRequest, SourcePicture
from generator.source_pixels import as_image, as_picture
from generator.testing import FakeEngine
from prompts.img2img import MASKED_CONTENT, RESIZE_MODES, Img2Img, Inpaint, step_counts
from prompts.spell import HiresFix

Ask = Callable[..., GenerationRequest]
Draw = Callable[[Engine, GenerationRequest], ImageReady]
RunAll = Callable[[Engine | FakeEngine, Sequence[GenerationRequest]], list[Event]]


def _gradient(width: int = 64, height: int = 64) -> Picture:
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    levels = np.stack([across, down, 255 - across], axis=-1).astype(np.uint8)
    return as_picture(Image.fromarray(levels))


def _mask(size: tuple[int, int], box: tuple[int, int, int, int]) -> Picture:
    mask = Image.new("L", size)
    mask.paste(255, box)
    return as_picture(mask)


def _array(picture: Picture) -> np.ndarray:
    return np.asarray(as_image(picture)).astype(int)


def _over(
    request: GenerationRequest, settings: Img2Img, mask: Picture | None = None, source: Picture | None = None
) -> GenerationRequest:
    return replace(request, source=SourcePicture(settings, source or _gradient(), mask))


def test_img2img_equals_diffusers_from_the_same_latents_noise_and_schedule(
    engine: Engine, tiny_family: DemoFamily, tiny_checkpoint: Checkpoint, ask: Ask, draw_one: Draw
) -> None:
    # 6 of 10 steps are walked here for int(0.5 * 10) + 1 and there for 0.6; linspace(0, 999, 10) is whole.
    request = ask(steps=10, seed=11, negative_prompt="ugly", extra=(("RNG", "CPU"),))
    ours = _array(draw_one(engine, _over(request, Img2Img("", denoising_strength=0.5))).picture)
    latents = tiny_checkpoint.encode(pixels_of(as_image(_gradient())))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # diffusers deprecations are not ours
        from diffusers import EulerDiscreteScheduler, StableDiffusionImg2ImgPipeline

        pipeline = StableDiffusionImg2ImgPipeline.from_pretrained(tiny_family.checkpoint, safety_checker=None)
        pipeline.scheduler = EulerDiscreteScheduler.from_config(pipeline.scheduler.config, timestep_spacing="linspace")
        pipeline.set_progress_bar_config(disable=True)
        theirs = pipeline(
            "a red cat",
            negative_prompt="ugly",
            image=latents,
            strength=0.6,
            num_inference_steps=10,
            guidance_scale=7.0,
            generator=torch.Generator("cpu").manual_seed(11),
            output_type="np",
        ).images[0]
    assert np.abs(ours / 255 - theirs).max() < 2.5 / 255


@pytest.mark.parametrize(
    ("settings", "steps", "sampler", "calls"),
    [
        (Img2Img("", 0.75), 20, "Euler", 16),
        (Img2Img("", 0.5), 4, "Euler", 3),
        (Img2Img("", 0.5), 4, "Heun", 5),
        (Img2Img("", 0.5, exact_steps=True), 4, "Euler", 4),
        (Img2Img("", 0.0), 4, "Euler", 1),
        (Img2Img("", 1.0), 4, "Euler", 4),
        (Img2Img("", 0.5), 4, "UniPC", 3),
    ],
)
def test_a_share_of_the_steps_is_walked_by_the_web_uis_rule_and_the_double_counts_the_same(
    engine: Engine, ask: Ask, run_all: RunAll, settings: Img2Img, steps: int, sampler: str, calls: int
) -> None:
    request = _over(ask(steps=steps, sampler=sampler), settings)
    for either in (engine, FakeEngine()):
        events = run_all(either, [request])
        assert events[0] == Started("a", calls)
        assert len([e for e in events if isinstance(e, StepDone)]) == calls
        assert isinstance(events[-1], ImageReady)


def test_a_weak_strength_with_exact_steps_has_a_bounded_schedule() -> None:
    assert step_counts(Img2Img("", 1e-12, exact_steps=True), 150) == (15_000, 150)


def test_the_weaker_the_denoising_the_nearer_the_picture_is_to_its_source(
    engine: Engine, tiny_checkpoint: Checkpoint, ask: Ask, draw_one: Draw
) -> None:
    source = tiny_checkpoint.decode(tiny_checkpoint.encode(pixels_of(as_image(_gradient()))))
    kept = (source[0].permute(1, 2, 0) * 255).numpy()
    distances = []
    for strength in (0.0, 0.3, 0.9):
        request = _over(ask(steps=10), Img2Img("", strength))
        distances.append(np.abs(_array(draw_one(engine, request).picture) - kept).mean())
    assert distances == sorted(distances)
    assert 2 * distances[0] < distances[2]


@pytest.mark.parametrize("mode", RESIZE_MODES)
def test_every_resize_mode_draws_at_the_spells_size(engine: Engine, ask: Ask, draw_one: Draw, mode: str) -> None:
    request = _over(ask(width=96, height=64), Img2Img("", 0.4, mode), source=_gradient(100, 50))
    picture = draw_one(engine, request).picture
    assert (picture.width, picture.height) == (96, 64)


@pytest.mark.parametrize("content", MASKED_CONTENT)
def test_inpainting_leaves_every_pixel_outside_the_mask_as_it_was(
    engine: Engine, ask: Ask, draw_one: Draw, content: str
) -> None:
    settings = Img2Img("", 0.9, inpaint=Inpaint("", blur=0, masked_content=content))
    mask = _mask((64, 64), (16, 16, 40, 40))
    drawn = _array(draw_one(engine, _over(ask(), settings, mask)).picture)
    source = _array(_gradient())
    inside = np.zeros((64, 64), bool)
    inside[16:40, 16:40] = True
    assert (drawn[~inside] == source[~inside]).all()
    assert np.abs(drawn[inside] - source[inside]).mean() > 5


def test_an_inverted_mask_draws_the_rest(engine: Engine, ask: Ask, draw_one: Draw) -> None:
    settings = Img2Img("", 0.9, inpaint=Inpaint("", blur=0, invert=True))
    drawn = _array(draw_one(engine, _over(ask(), settings, _mask((64, 64), (16, 16, 40, 40)))).picture)
    source = _array(_gradient())
    assert (drawn[16:40, 16:40] == source[16:40, 16:40]).all()
    assert np.abs(drawn[:8] - source[:8]).mean() > 5


def test_only_masked_draws_the_box_at_full_size_and_pastes_it_back_into_the_source(
    engine: Engine, ask: Ask, draw_one: Draw
) -> None:
    source = _gradient(200, 120)
    settings = Img2Img("", 0.9, inpaint=Inpaint("", blur=0, only_masked=True, only_masked_padding=8))
    request = _over(ask(width=64, height=64), settings, _mask((200, 120), (100, 40, 140, 80)), source)
    picture = draw_one(engine, request).picture
    assert (picture.width, picture.height) == (200, 120)
    drawn, before = _array(picture), _array(source)
    inside = np.zeros((120, 200), bool)
    inside[40:80, 100:140] = True
    assert (drawn[~inside] == before[~inside]).all()
    assert np.abs(drawn[inside] - before[inside]).mean() > 5


def test_the_kept_latents_are_the_sources_at_every_call(engine: Engine, ask: Ask) -> None:
    settings = Img2Img("", 0.9, inpaint=Inpaint("", blur=0))
    engine.add(_over(ask(sampler="DPM++ 2M"), settings, _mask((64, 64), (32, 0, 64, 64))))
    seen = 0
    while engine.has_work():
        sample = next(iter(engine._running.values()), None)
        engine.step()
        if sample is not None:
            clean = engine.resident.sources.encode(as_image(_gradient()))  # type: ignore[union-attr]
            assert torch.equal(sample.trajectory.denoised[..., :4], clean[..., :4])
            seen += 1
    assert seen >= 3


def test_an_empty_mask_is_told(engine: Engine, ask: Ask, draw_one: Draw) -> None:
    black = _mask((64, 64), (0, 0, 0, 0))
    whole = draw_one(engine, _over(ask(), Img2Img("", inpaint=Inpaint("")), black))
    assert whole.picture == _gradient()
    part = draw_one(engine, _over(ask(), Img2Img("", inpaint=Inpaint("", only_masked=True)), black))
    assert part.picture != _gradient()
    assert all(any("mask is empty" in note for note in done.notes) for done in (whole, part))


def test_img2img_beside_strangers_equals_img2img_alone(
    engine: Engine, ask: Ask, draw_one: Draw, run_all: RunAll
) -> None:
    settings = Img2Img("", 0.6, inpaint=Inpaint(""))
    mine = _over(ask("a", steps=8), settings, _mask((64, 64), (8, 8, 50, 50)))
    alone = draw_one(engine, mine)
    events = run_all(engine, [ask("s1", seed=5), _over(ask("s2", seed=6), Img2Img("", 0.3)), mine])
    beside = next(e for e in events if isinstance(e, ImageReady) and e.request_id == "a")
    assert np.abs(_array(alone.picture) - _array(beside.picture)).max() <= 1


def test_hires_fix_over_a_source_is_refused(engine: Engine, ask: Ask, draw_one: Draw) -> None:
    with pytest.raises(UnsupportedSpell, match="txt2img"):
        draw_one(engine, _over(ask(hires=HiresFix()), Img2Img("")))


def test_the_sources_of_one_job_are_encoded_once(
    engine: Engine, ask: Ask, run_all: RunAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident = engine.resident
    assert resident is not None
    encoded: list[object] = []
    original = resident.checkpoint.encode
    monkeypatch.setattr(
        resident.checkpoint, "encode", lambda pixels: (encoded.append(pixels), original(pixels))[1], raising=True
    )
    run_all(engine, [_over(ask(str(i), seed=i), Img2Img("", 0.5)) for i in range(3)])
    assert len(encoded) == 1
