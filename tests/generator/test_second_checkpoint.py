"""Hires fix whose second pass another checkpoint draws."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from generator.config import EngineConfig, ModelFolders
from generator.demo.family import DemoFamily
from generator.engine import Engine
from generator.errors import UnsupportedSpell
from generator.events import Cancelled, Event, ImageReady
from generator.request import GenerationRequest
from prompts.spell import HiresFix

Draw = Callable[[Engine, GenerationRequest], ImageReady]
RunAll = Callable[[Engine, Sequence[GenerationRequest]], list[Event]]


@pytest.fixture
def two(tiny_family: DemoFamily, tmp_path: Path, tiny_sdxl_folder: Path) -> Engine:
    """The tiny checkpoint, a twin with the same weights, one with others, and an SDXL one."""
    root = tmp_path / "c"
    for name in ("twin", "other"):
        shutil.copytree(tiny_family.checkpoint, root / name)
    weights = root / "other" / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({k: v * 1.05 for k, v in load_file(weights).items()}, weights)
    built_in = (("tiny", tiny_family.checkpoint), ("xl", tiny_sdxl_folder))
    return Engine(EngineConfig(ModelFolders(root, tmp_path / "l", built_in), device="cpu", threads=1))


def hires(checkpoint: str | None, upscaler: str = "Latent") -> HiresFix:
    return HiresFix(1.5, steps=2, denoising_strength=0.6, upscaler=upscaler, checkpoint=checkpoint)


@pytest.mark.parametrize("upscaler", ["Latent", "Lanczos"])
def test_a_twin_of_the_first_checkpoint_draws_what_the_first_would(
    two: Engine, ask: Any, draw_one: Draw, upscaler: str
) -> None:
    alone = draw_one(two, ask(hires=hires(None, upscaler)))
    twin = draw_one(two, ask(hires=hires("twin", upscaler)))
    assert twin.picture == alone.picture
    assert draw_one(two, ask(hires=hires("other", upscaler))).picture != alone.picture


def test_pictures_of_both_kinds_are_drawn_together_each_as_if_alone(
    two: Engine, ask: Any, draw_one: Draw, run_all: RunAll
) -> None:
    asked = [ask("a", hires=hires("other"), seed=5), ask("b", seed=6), ask("c", hires=hires("other"), seed=7)]
    alone = {r.request_id: draw_one(two, r).picture.rgb for r in asked}
    together = {e.request_id: e for e in run_all(two, asked) if isinstance(e, ImageReady)}
    assert together.keys() == alone.keys()
    for name, event in together.items():
        worst = max(abs(x - y) for x, y in zip(event.picture.rgb, alone[name], strict=True))
        assert worst <= 1


def test_a_picture_between_its_passes_can_be_cancelled(two: Engine, ask: Any) -> None:
    two.add(ask("a", hires=hires("other")))
    two.add(ask("b", steps=30))
    while not two._parked:
        two.step()
    assert two.has_work()
    two.abort("a")
    assert any(isinstance(e, Cancelled) for e in two.step())
    assert not two._parked


def test_a_checkpoint_of_another_family_goes_with_an_upscaler_on_pixels(two: Engine, ask: Any, draw_one: Draw) -> None:
    drawn = draw_one(two, ask(hires=hires("xl", "Lanczos"))).picture
    assert (drawn.width, drawn.height) == (96, 96)
    with pytest.raises(UnsupportedSpell, match="Lanczos"):
        draw_one(two, ask(hires=hires("xl", "Latent")))
