"""What may be asked for: only what this machine has and the engine draws."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from generator.config import ModelFolders
from generator.errors import CheckpointNotFound, UnsupportedSpell
from generator.models.catalogue import Catalogue as ModelShelf
from prompts.spell import Spell
from service.catalogue import Catalogue, Shelves


def a_folder(root: Path, name: str, pipeline: str) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "model_index.json").write_text(json.dumps({"_class_name": pipeline}))
    return folder


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
