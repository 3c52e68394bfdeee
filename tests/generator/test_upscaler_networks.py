from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from generator.config import EngineConfig, ModelFolders
from generator.demo.family import DemoFamily
from generator.device import Compute
from generator.engine import Engine
from generator.errors import ModelRefused, UnsupportedSpell
from generator.events import ImageReady
from generator.models.catalogue import Catalogue
from generator.models.upscaler_network import OVERLAP, TILE, UpscalerNetwork, _spans, read_upscaler
from generator.request import GenerationRequest
from generator.upscalers import upscale_pixels
from prompts.spell import HiresFix

Draw = Callable[[Engine, GenerationRequest], ImageReady]
CPU = Compute.resolve("cpu", "float32")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny untrained ESRGAN x2, in spandrel's true class."""
    from prompts.torch_guard import ensure_torchvision

    ensure_torchvision()
    from spandrel.architectures.ESRGAN.__arch.RRDB import RRDBNet

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = RRDBNet(num_filters=8, num_blocks=1, scale=2)
    found = tmp_path / "upscalers"
    found.mkdir()
    save_file(dict(network.state_dict()), found / "2x-Tiny.safetensors")
    return found


@pytest.fixture
def shelf(folder: Path, tmp_path: Path) -> Catalogue:
    return Catalogue(ModelFolders(tmp_path / "none", tmp_path / "none", upscalers=folder))


def nearest(scale: int) -> Callable[[Tensor], Tensor]:
    return lambda x: x.repeat_interleave(scale, 2).repeat_interleave(scale, 3)


def test_an_esrgan_file_is_read_by_its_keys_and_enlarges_by_its_factor(shelf: Catalogue) -> None:
    network = read_upscaler(shelf.upscalers()[0], CPU)
    pixels = torch.rand(1, 3, 12, 20, generator=torch.Generator().manual_seed(0))
    large = network.cover(pixels, (40, 24))
    assert (network.scale, large.shape) == (2, (1, 3, 24, 40))
    assert torch.allclose(large, network.network(pixels).clamp(0, 1), atol=1e-5)


@pytest.mark.parametrize("side", [1, 100, TILE, TILE + 1, 375, 500, 1000])
def test_tiles_cover_every_pixel_and_overlap(side: int) -> None:
    spans = list(_spans(side))
    assert spans[0][0] == 0 and spans[-1][1] == side
    assert all(second[0] <= first[1] - OVERLAP for first, second in itertools.pairwise(spans))
    assert {end - start for start, end in spans} == {min(side, TILE)}


def test_tiles_leave_no_seam() -> None:
    pixels = torch.rand(1, 3, 200, 450, generator=torch.Generator().manual_seed(0))
    network = UpscalerNetwork("nearest", 2, nearest(2), torch.device("cpu"))
    assert torch.allclose(network.cover(pixels, (900, 400)), nearest(2)(pixels), atol=1e-6)


@pytest.mark.parametrize(("size", "expected"), [((20, 20), (20, 20)), ((45, 30), (80, 80)), ((500, 500), (80, 80))])
def test_a_network_runs_again_until_the_picture_covers_the_target_at_most_three_times(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    network = UpscalerNetwork("nearest", 2, nearest(2), torch.device("cpu"))
    assert network.cover(torch.zeros(1, 3, 10, 10), size).shape[2:] == expected


def test_the_rest_of_the_way_is_lanczos() -> None:
    network = UpscalerNetwork("nearest", 2, nearest(2), torch.device("cpu"))
    large = upscale_pixels(torch.full((1, 3, 10, 10), 0.4), "nearest", (15, 17), network)
    assert large.shape == (1, 3, 17, 15)
    assert torch.allclose(large, torch.full_like(large, 0.4))


def test_hires_fix_draws_with_it_by_name_and_tells_what_there_is_otherwise(
    tiny_family: DemoFamily, folder: Path, tmp_path: Path, ask: Any, draw_one: Draw
) -> None:
    folders = ModelFolders(tmp_path / "c", tmp_path / "l", (("tiny", tiny_family.checkpoint),), upscalers=folder)
    engine = Engine(EngineConfig(folders, device="cpu", threads=1))
    request = ask(hires=HiresFix(1.5, steps=1, denoising_strength=0.3, upscaler="Lanczos"))
    params = request.spell.params
    named = GenerationRequest("n", request.spell.evolve(hires=_with(params.hires, "2x-tiny")))
    drawn = draw_one(engine, named)
    assert (drawn.picture.width, drawn.picture.height) == (96, 96)
    assert drawn.picture != draw_one(engine, request).picture
    with pytest.raises(UnsupportedSpell) as unknown:
        draw_one(engine, GenerationRequest("u", request.spell.evolve(hires=_with(params.hires, "4x-UltraSharp"))))
    assert "2x-Tiny" in unknown.value.facts["near"]


def _with(hires: HiresFix | None, upscaler: str) -> HiresFix:
    from dataclasses import replace

    return replace(hires or HiresFix(), upscaler=upscaler)


def test_a_file_of_no_known_architecture_is_refused(folder: Path, shelf: Catalogue) -> None:
    save_file({"strange.weight": torch.zeros(2, 2)}, folder / "odd.safetensors")
    shelf.refresh()
    entry = shelf.upscaler("odd")
    assert entry is not None
    with pytest.raises(ModelRefused) as refused:
        read_upscaler(entry, CPU)
    assert refused.value.stable_code == "upscaler_unknown"


@pytest.mark.parametrize(("name", "file"), [("R-ESRGAN 4x+", "RealESRGAN_x4plus"), ("4x-ultrasharp", "4x-UltraSharp")])
def test_the_web_uis_names_and_any_case_find_the_file(shelf: Catalogue, folder: Path, name: str, file: str) -> None:
    save_file({"x": torch.zeros(1)}, folder / f"{file}.safetensors")
    shelf.refresh()
    entry = shelf.upscaler(name)
    assert entry is not None
    assert entry.name == file
