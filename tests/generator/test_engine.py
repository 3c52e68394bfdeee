from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from generator.config import EngineConfig, ModelFolders
from generator.demo.family import DemoFamily
from generator.engine import Engine
from generator.errors import (
    CheckpointNotFound,
    GeneratorError,
    LoraNotFound,
    OutOfMemory,
    QueueFull,
    UnsupportedSpell,
)
from generator.events import (
    FINAL_EVENTS,
    Cancelled,
    Event,
    Failed,
    ImageReady,
    Picture,
    PreviewReady,
    Started,
    StepDone,
)
from generator.request import GenerationRequest
from prompts.errors import SpellOutOfRange
from prompts.spell import HiresFix, Lora

Ask = Callable[..., GenerationRequest]
Draw = Callable[[Engine, GenerationRequest], ImageReady]
RunAll = Callable[[Engine, Sequence[GenerationRequest]], list[Event]]


def _pixels(picture: Picture) -> np.ndarray:
    return np.frombuffer(picture.rgb, np.uint8).reshape(picture.height, picture.width, 3).astype(int)


def _strangers(ask: Ask) -> list[GenerationRequest]:
    """Neighbours that differ in everything a batch may differ in, and some that cannot share a call."""
    return [
        ask("s1", prompt="a (blue:1.4) dog", sampler="DPM++ SDE", schedule_type="Karras", seed=5, steps=6),
        ask("s2", prompt="x", negative_prompt="y", sampler="Euler a", seed=6, cfg_scale=3.0, steps=3),
        ask("s3", prompt="a AND b :0.5", sampler="Heun", seed=7, cfg_scale=1.0),
        ask("s4", prompt="lora", loras=(Lora("demo-style", 0.7),), seed=8),
        ask("s5", prompt="large", width=128, seed=9, hires=HiresFix(upscale_by=1.5, steps=2)),
    ]


def test_a_picture_alone_equals_the_same_picture_beside_strangers(
    engine: Engine, ask: Ask, draw_one: Draw, run_all: RunAll
) -> None:
    alone = draw_one(engine, ask("a", sampler="DPM++ 2M", steps=8))
    events = run_all(engine, [*_strangers(ask), ask("a", sampler="DPM++ 2M", steps=8)])
    beside = next(e for e in events if isinstance(e, ImageReady) and e.request_id == "a")
    difference = np.abs(_pixels(alone.picture) - _pixels(beside.picture))
    # Kernels round differently at other batch sizes; a level of 1 in 255 at most.
    assert difference.max() <= 1
    assert len([e for e in events if isinstance(e, ImageReady)]) == 6


def test_deterministic_mode_is_bit_equal_alone_and_beside_strangers(
    model_folders: ModelFolders, ask: Ask, draw_one: Draw, run_all: RunAll
) -> None:
    engine = Engine(EngineConfig(model_folders, device="cpu", threads=1, deterministic=True, max_rows=6))
    alone = draw_one(engine, ask("a", sampler="DPM++ 2M", steps=8))
    events = run_all(engine, [*_strangers(ask), ask("a", sampler="DPM++ 2M", steps=8)])
    beside = next(e for e in events if isinstance(e, ImageReady) and e.request_id == "a")
    assert alone.picture.rgb == beside.picture.rgb


def test_a_picture_equals_diffusers_own_pipeline_with_the_same_noise_and_euler(
    engine: Engine, tiny_family: DemoFamily, ask: Ask, draw_one: Draw
) -> None:
    # 10 steps make linspace(0, 999, 10) whole numbers, so that both interpolate no sigma.
    cpu_noise = (("RNG", "CPU"),)
    request = ask(negative_prompt="ugly", steps=10, seed=11, width=64, height=96, extra=cpu_noise)
    ours = _pixels(draw_one(engine, request).picture)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # diffusers deprecations are not ours
        from diffusers import EulerDiscreteScheduler, StableDiffusionPipeline

        pipeline = StableDiffusionPipeline.from_pretrained(tiny_family.checkpoint, safety_checker=None)
        pipeline.scheduler = EulerDiscreteScheduler.from_config(pipeline.scheduler.config, timestep_spacing="linspace")
        pipeline.set_progress_bar_config(disable=True)
        theirs = pipeline(
            "a red cat",
            negative_prompt="ugly",
            num_inference_steps=10,
            guidance_scale=7.0,
            width=64,
            height=96,
            generator=torch.Generator("cpu").manual_seed(11),
            output_type="np",
        ).images[0]
    assert np.abs(ours / 255 - theirs).max() < 2.5 / 255


def test_events_tell_the_whole_way_in_order(engine: Engine, ask: Ask, run_all: RunAll) -> None:
    events = run_all(engine, [ask(steps=3, preview_every=2, hires=HiresFix(upscale_by=2.0, steps=2))])
    assert events[0] == Started("a", 5)
    assert [(e.phase, e.done, e.total) for e in events if isinstance(e, StepDone)] == [
        ("base", 1, 5),
        ("base", 2, 5),
        ("base", 3, 5),
        ("hires", 4, 5),
        ("hires", 5, 5),
    ]
    previews = [e.picture for e in events if isinstance(e, PreviewReady)]
    assert [(p.width, p.height) for p in previews] == [(8, 8), (16, 16)]
    assert all(len(p.rgb) == p.width * p.height * 3 for p in previews)
    assert isinstance(events[-1], ImageReady)
    assert (events[-1].picture.width, events[-1].picture.height) == (128, 128)
    assert not engine.has_work()


@pytest.mark.parametrize("calls_before", [0, 1, 3])
def test_an_aborted_picture_ends_at_the_next_step_and_the_others_go_on(
    engine: Engine, ask: Ask, draw_one: Draw, run_all: RunAll, calls_before: int
) -> None:
    expected = draw_one(engine, ask("b"))
    engine.add(ask("a", steps=20))
    engine.add(ask("b"))
    events: list[Event] = []
    for _ in range(calls_before):
        events += engine.step()
    engine.abort("a")
    engine.abort("unknown")
    events += run_all(engine, [])
    assert [e.request_id for e in events if isinstance(e, Cancelled)] == ["a"]
    done = [e for e in events if isinstance(e, FINAL_EVENTS)]
    assert {e.request_id for e in done} == {"a", "b"}
    picture = next(e for e in done if isinstance(e, ImageReady)).picture
    assert np.abs(_pixels(picture) - _pixels(expected.picture)).max() <= 1


def test_a_request_joins_between_two_steps_of_a_running_one(engine: Engine, ask: Ask, run_all: RunAll) -> None:
    engine.add(ask("a", steps=6))
    engine.step()
    engine.add(ask("b", steps=2, seed=2))
    together = engine.step()
    assert {e.request_id for e in together if isinstance(e, StepDone)} == {"a", "b"}
    events = run_all(engine, [])
    assert [e.request_id for e in events if isinstance(e, ImageReady)] == ["b", "a"]


@pytest.mark.parametrize(
    ("changes", "error", "near"),
    [
        ({"checkpoint": "tinny"}, CheckpointNotFound, "tiny"),
        ({"loras": (Lora("demo-stile"),)}, LoraNotFound, "demo-style"),
        ({"sampler": "DDIM", "schedule_type": "Karras"}, UnsupportedSpell, "Automatic"),
        ({"sampler": "PLMS", "schedule_type": "Karras"}, UnsupportedSpell, "Automatic"),
        ({"clip_skip": 12}, UnsupportedSpell, "2 layers"),
        ({"hires": HiresFix(checkpoint="tinny")}, CheckpointNotFound, "tiny"),
    ],
)
def test_what_cannot_be_drawn_fails_alone_and_says_what_is_near(
    engine: Engine, ask: Ask, run_all: RunAll, changes: dict[str, object], error: type[GeneratorError], near: str
) -> None:
    events = run_all(engine, [ask("bad", **changes), ask("good")])
    final = {e.request_id: e for e in events if isinstance(e, FINAL_EVENTS)}
    failed = final["bad"]
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, error)
    assert near in failed.error.detail
    assert isinstance(final["good"], ImageReady)


def test_weights_that_are_not_finite_in_the_middle_fail_with_not_finite(
    engine: Engine, ask: Ask, run_all: RunAll, draw_one: Draw
) -> None:
    # A CFG scale cannot overflow float32 here, so break the network itself while a picture is in flight.
    engine.add(ask("a", steps=4))
    engine.step()
    bias = engine._loaded().checkpoint.unet.conv_out.bias
    kept = bias.clone()
    bias.fill_(float("nan"))
    events = run_all(engine, [])
    assert isinstance(events[-1], Failed)
    assert events[-1].error.stable_code == "not_finite"
    bias.copy_(kept)
    draw_one(engine, ask("b"))


def test_out_of_memory_halves_the_call_until_it_fits_and_only_what_never_fits_fails(
    engine: Engine, ask: Ask, run_all: RunAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.add(ask("warm"))
    run_all(engine, [])
    checkpoint = engine._loaded().checkpoint
    real = checkpoint.predict

    def small_device(
        latents: torch.Tensor, timesteps: torch.Tensor, context: torch.Tensor, added: object = None
    ) -> torch.Tensor:
        if latents.numel() > 2 * 4 * 8 * 8:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(latents, timesteps, context)

    monkeypatch.setattr(checkpoint, "predict", small_device)
    # `split` fits with its two rows one after the other; `large` not even so.
    events = run_all(engine, [ask("a"), ask("b", seed=2), ask("split", width=128), ask("large", width=256)])
    final = {e.request_id: e for e in events if isinstance(e, FINAL_EVENTS)}
    assert isinstance(final["a"], ImageReady)
    assert isinstance(final["b"], ImageReady)
    assert isinstance(final["split"], ImageReady)
    failed = final["large"]
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, OutOfMemory)
    assert failed.error.facts["near"] == [128, 64]
    # The next job runs, and does not run into the same wall first.
    refused: list[int] = []
    monkeypatch.setattr(checkpoint, "predict", lambda *given: (refused.append(len(given[0])), small_device(*given))[1])
    assert isinstance(run_all(engine, [ask("c"), ask("d", seed=2)])[-1], ImageReady)
    assert set(refused) == {2}


def test_a_full_line_and_a_duplicate_id_are_refused_at_once(model_folders: ModelFolders, ask: Ask) -> None:
    engine = Engine(EngineConfig(model_folders, device="cpu", threads=1, max_waiting=2))
    engine.add(ask("a"))
    with pytest.raises(GeneratorError) as duplicate:
        engine.add(ask("a"))
    assert duplicate.value.stable_code == "duplicate_request"
    engine.add(ask("b"))
    with pytest.raises(QueueFull):
        engine.add(ask("c"))


def test_an_idle_engine_steps_without_events(engine: Engine) -> None:
    assert not engine.has_work()
    assert engine.step() == []


def test_an_internal_error_is_told_without_its_text(
    engine: Engine, ask: Ask, run_all: RunAll, monkeypatch: pytest.MonkeyPatch, draw_one: Draw
) -> None:
    draw_one(engine, ask("warm"))
    checkpoint = engine._loaded().checkpoint

    def secret(*_: object) -> torch.Tensor:
        raise TypeError("/home/someone/secret")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "predict", secret)
        events = run_all(engine, [ask("a")])
    assert isinstance(events[-1], Failed)
    assert "TypeError" in events[-1].error.detail
    assert "secret" not in events[-1].error.detail
    draw_one(engine, ask("b"))


def test_prompt_editing_takes_hold_in_the_middle_of_the_steps(engine: Engine, ask: Ask, draw_one: Draw) -> None:
    first = _pixels(draw_one(engine, ask("a", prompt="a cat", steps=6)).picture)
    second = _pixels(draw_one(engine, ask("b", prompt="a dog", steps=6)).picture)
    edited = _pixels(draw_one(engine, ask("c", prompt="a [cat:dog:0.2]", steps=6)).picture)
    never = _pixels(draw_one(engine, ask("d", prompt="a [cat:dog:1.0]", steps=6)).picture)
    at_once = _pixels(draw_one(engine, ask("e", prompt="a [cat:dog:-1]", steps=6)).picture)
    assert (never == first).all()
    assert np.abs(at_once - second).max() <= 1
    # Untrained networks hardly listen to the prompt, so any difference counts.
    assert (edited != first).any()
    assert (edited != second).any()


def test_infotext_pairs_about_noise_change_the_picture_and_are_followed(
    engine: Engine, ask: Ask, draw_one: Draw
) -> None:
    spell = {"sampler": "Euler a", "steps": 3}
    pairs: list[tuple[tuple[str, str], ...]] = [
        (),
        (("RNG", "CPU"),),
        (("ENSD", "31337"),),
        (("Variation seed", "5"), ("Variation seed strength", "0.4")),
        (("Seed resize from", "32x32"),),
        (("Eta", "0.5"),),
    ]
    drawn = [draw_one(engine, ask(extra=extra, **spell)) for extra in pairs]
    assert len({ready.picture.rgb for ready in drawn}) == len(pairs)
    assert all(ready.notes == () for ready in drawn)
    assert draw_one(engine, ask(extra=(("RNG", "NV"), ("Unknown", "x")), **spell)).picture == drawn[0].picture


def test_a_pair_that_says_nothing_is_told_in_a_note(engine: Engine, ask: Ask, draw_one: Draw) -> None:
    assert draw_one(engine, ask(extra=(("ENSD", "many"),))).notes == ("'ensd: many' was not understood and left out.",)


def test_the_configured_noise_source_counts_where_the_spell_names_none(
    engine: Engine, model_folders: ModelFolders, ask: Ask, draw_one: Draw
) -> None:
    cpu = Engine(EngineConfig(model_folders, device="cpu", threads=1, noise_source="cpu"))
    named = draw_one(engine, ask(extra=(("RNG", "CPU"),)))
    assert draw_one(cpu, ask()).picture == named.picture


def test_a_picture_too_large_to_decode_at_once_is_decoded_in_tiles(
    engine: Engine, ask: Ask, draw_one: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = draw_one(engine, ask("a", width=256, height=192, steps=1))
    checkpoint = engine._loaded().checkpoint
    real = checkpoint.decode

    def small_device(latents: torch.Tensor, *, in_tiles: bool = False) -> torch.Tensor:
        if not in_tiles:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(latents, in_tiles=True)

    monkeypatch.setattr(checkpoint, "decode", small_device)
    tiled = draw_one(engine, ask("b", width=256, height=192, steps=1))
    assert (tiled.picture.width, tiled.picture.height) == (256, 192)
    assert np.abs(_pixels(tiled.picture) - _pixels(whole.picture)).mean() < 8


def test_many_requests_are_admitted_a_few_at_a_time(model_folders: ModelFolders, ask: Ask, run_all: RunAll) -> None:
    engine = Engine(EngineConfig(model_folders, device="cpu", threads=1, max_rows=2))
    for i in range(5):
        engine.add(ask(str(i), seed=i, steps=2))
    started = [sum(isinstance(e, Started) for e in engine.step()) for _ in range(3)]
    assert started == [2, 2, 1]
    assert sum(isinstance(e, ImageReady) for e in run_all(engine, [])) >= 3


def test_a_picture_with_more_rows_than_a_call_is_called_in_pieces(
    model_folders: ModelFolders, ask: Ask, draw_one: Draw
) -> None:
    many = " AND ".join(f"part {i} :0.2" for i in range(9))
    wide, narrow = (
        draw_one(Engine(EngineConfig(model_folders, device="cpu", threads=1, max_rows=rows)), ask(prompt=many, steps=2))
        for rows in (16, 3)
    )
    assert np.abs(_pixels(wide.picture) - _pixels(narrow.picture)).max() <= 1


def test_too_many_and_parts_are_refused(engine: Engine, ask: Ask, draw_one: Draw) -> None:
    with pytest.raises(SpellOutOfRange) as refused:
        draw_one(engine, ask(prompt=" AND ".join("x" * 33)))
    assert refused.value.facts["limit"] == 32


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_draws_nearly_the_same_picture_with_lora_and_hires(
    engine: Engine, model_folders: ModelFolders, ask: Ask, draw_one: Draw, dtype: str
) -> None:
    spell = {"steps": 3, "loras": (Lora("demo-style", 0.5),), "hires": HiresFix(1.5, steps=2)}
    full = draw_one(engine, ask(**spell))
    half = draw_one(Engine(EngineConfig(model_folders, device="cpu", threads=1, dtype=dtype)), ask(**spell))
    assert np.abs(_pixels(full.picture) - _pixels(half.picture)).mean() < 4
