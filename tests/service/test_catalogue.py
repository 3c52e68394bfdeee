"""What may be asked for: only what this machine has and the engine draws."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from generator.config import ModelFolders
from generator.errors import CheckpointNotFound, ModelRefused, UnsupportedSpell
from generator.models.catalogue import Catalogue as ModelShelf
from generator.testing import write_pipeline_folder
from prompts.spell import Spell
from service.catalogue import Catalogue, Shelves


def a_folder(root: Path, name: str, pipeline: str) -> Path:
    return write_pipeline_folder(root / name, pipeline)


@pytest.fixture
def shelves(tmp_path: Path) -> Shelves:
    demo = a_folder(tmp_path / "built-in", "demo", "StableDiffusionPipeline")
    installed = tmp_path / "checkpoints"
    a_folder(installed, "big", "StableDiffusionXLPipeline")
    a_folder(installed, "strange", "FluxPipeline")
    return Shelves(ModelShelf(ModelFolders(installed, tmp_path / "loras", (("demo", demo),))), "demo", "A demo.")


def catalogue(shelves: Shelves, default: str | None = None) -> Catalogue:
    async def found() -> Shelves:
        return shelves

    return Catalogue(found, default)


def test_a_checkpoint_the_engine_does_not_draw_is_listed_with_the_reason_and_is_no_default(
    shelves: Shelves,
) -> None:
    async def look() -> None:
        shelf = catalogue(shelves)
        assert (await shelf.checkpoint()).name == "big"
        listed = {info.name: info for info in await shelf.checkpoints()}
        assert listed["big"].is_usable and listed["big"].family == "sdxl"
        assert not listed["strange"].is_usable and "does not know" in listed["strange"].notice

    asyncio.run(look())


def test_asking_for_it_by_name_is_refused_before_a_job_is_made(shelves: Shelves) -> None:
    with pytest.raises(UnsupportedSpell, match=r"SD1\.5 and SDXL"):
        asyncio.run(catalogue(shelves).fit(Spell("a cat").evolve(checkpoint="strange")))


def test_a_default_checkpoint_that_is_not_here_is_an_error_with_near_names(shelves: Shelves) -> None:
    with pytest.raises(CheckpointNotFound) as caught:
        asyncio.run(catalogue(shelves, "dem0").checkpoint())
    assert caught.value.facts["near"] == ["demo"]


def test_the_default_is_a_checkpoint_that_is_whole_and_the_broken_one_says_why(tmp_path: Path) -> None:
    demo = a_folder(tmp_path / "built-in", "demo", "StableDiffusionPipeline")
    installed = tmp_path / "checkpoints"
    broken = a_folder(installed, "a-broken-one", "StableDiffusionPipeline")
    cut = broken / "unet" / "diffusion_pytorch_model.fp16.safetensors"
    save_file({"a": torch.zeros(64)}, cut)
    os.truncate(cut, cut.stat().st_size - 10)
    shelves = Shelves(ModelShelf(ModelFolders(installed, tmp_path / "loras", (("demo", demo),))), "demo", "A demo.")

    async def look() -> None:
        shelf = catalogue(shelves)
        assert (await shelf.checkpoint()).name == "demo"
        a_folder(installed, "b-whole", "StableDiffusionPipeline")
        assert (await shelf.checkpoints())[0].name == "b-whole" and (await shelf.checkpoint()).name == "b-whole"
        listed = {info.name: info for info in await shelf.checkpoints()}
        assert not listed["a-broken-one"].is_usable and "cut off" in listed["a-broken-one"].notice
        for asked in (Spell("a cat").evolve(checkpoint="a-broken-one"), Spell("a cat")):
            named = catalogue(shelves, None if asked.params.checkpoint else "a-broken-one")
            with pytest.raises(ModelRefused, match="cut off") as refused:
                await named.fit(asked)
            assert refused.value.stable_code == "safetensors_invalid"

    asyncio.run(look())
