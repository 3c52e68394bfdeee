from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from generator.config import EngineConfig, ModelFolders
from generator.demo.family import DemoFamily
from generator.engine import Engine
from generator.errors import CheckpointNotFound
from generator.events import FINAL_EVENTS, Event, Failed, ImageReady, Started
from generator.request import GenerationRequest

Ask = Callable[..., GenerationRequest]
RunAll = Callable[[Engine, Sequence[GenerationRequest]], list[Event]]


@pytest.fixture
def two_checkpoints(tiny_family: DemoFamily, tmp_path: Path) -> Engine:
    built_in = (("tiny", tiny_family.checkpoint), ("other", tiny_family.checkpoint))
    folders = ModelFolders(tmp_path / "checkpoints", tmp_path / "loras", built_in, tiny_family.loras)
    return Engine(EngineConfig(folders, device="cpu", threads=1))


def test_requests_for_two_checkpoints_are_served_in_order_of_arrival(
    two_checkpoints: Engine, ask: Ask, run_all: RunAll
) -> None:
    requests = [ask("a"), ask("b", checkpoint="other"), ask("c", checkpoint="other"), ask("d")]
    events = run_all(two_checkpoints, requests)
    assert [e.request_id for e in events if isinstance(e, Started)] == ["a", "b", "c", "d"]
    order = [(type(e).__name__, e.request_id) for e in events if isinstance(e, (Started, ImageReady))]
    # One checkpoint is in memory at a time: the next one starts when the last picture of this one is done.
    assert order.index(("Started", "b")) > order.index(("ImageReady", "a"))
    assert order.index(("Started", "d")) > order.index(("ImageReady", "c"))


def test_a_waiting_request_for_another_checkpoint_can_be_aborted(
    two_checkpoints: Engine, ask: Ask, run_all: RunAll
) -> None:
    two_checkpoints.add(ask("a"))
    two_checkpoints.add(ask("b", checkpoint="other"))
    two_checkpoints.step()
    two_checkpoints.abort("b")
    final = [e for e in run_all(two_checkpoints, []) if isinstance(e, FINAL_EVENTS)]
    assert {(e.request_id, type(e).__name__) for e in final} == {("a", "ImageReady"), ("b", "Cancelled")}


def test_a_checkpoint_that_cannot_be_opened_fails_its_pictures_only(
    engine: Engine, model_folders: ModelFolders, ask: Ask, run_all: RunAll
) -> None:
    model_folders.checkpoints.mkdir()
    (model_folders.checkpoints / "broken.safetensors").write_bytes(b"oops")
    (model_folders.checkpoints / "half").mkdir()
    (model_folders.checkpoints / "half" / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    requests = [ask("a", checkpoint="broken"), ask("b", checkpoint="half"), ask("c", checkpoint="x"), ask("d")]
    final = {e.request_id: e for e in run_all(engine, requests) if isinstance(e, FINAL_EVENTS)}
    codes = {name: e.error.stable_code for name, e in final.items() if isinstance(e, Failed)}
    assert codes == {"a": "safetensors_invalid", "b": "model_incomplete", "c": "checkpoint_not_found"}
    assert isinstance(final["d"], ImageReady)


def test_a_checkpoint_that_went_away_is_not_found(engine: Engine, model_folders: ModelFolders, ask: Ask) -> None:
    folder = model_folders.checkpoints / "short"
    folder.mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    engine.catalogue.refresh()
    shutil.rmtree(folder)
    engine.add(ask(checkpoint="short"))
    (failed,) = engine.step()
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, CheckpointNotFound)


def test_a_configuration_that_makes_no_network_is_refused(
    engine: Engine, model_folders: ModelFolders, tiny_family: DemoFamily, ask: Ask, run_all: RunAll
) -> None:
    shutil.copytree(tiny_family.checkpoint, model_folders.checkpoints / "odd")
    config = model_folders.checkpoints / "odd" / "unet" / "config.json"
    config.write_text(config.read_text().replace('"CrossAttnDownBlock2D"', '"NoSuchBlock"'))
    final = {e.request_id: e for e in run_all(engine, [ask("odd", checkpoint="odd")])}
    codes = {name: e.error.stable_code for name, e in final.items() if isinstance(e, Failed)}
    assert codes == {"odd": "model_config_invalid"}
