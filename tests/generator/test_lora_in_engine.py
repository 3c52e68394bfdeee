from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from generator.config import ModelFolders
from generator.engine import Engine
from generator.errors import LoraIncompatible
from generator.events import Event, Failed, ImageReady, StepDone
from generator.request import GenerationRequest
from prompts.spell import Lora

Ask = Callable[..., GenerationRequest]
Draw = Callable[[Engine, GenerationRequest], ImageReady]
RunAll = Callable[[Engine, Sequence[GenerationRequest]], list[Event]]
STYLE = (Lora("demo-style", 0.8),)


def test_a_lora_changes_the_picture_and_leaves_no_trace_behind(engine: Engine, ask: Ask, draw_one: Draw) -> None:
    plain = draw_one(engine, ask("a")).picture.rgb
    styled = draw_one(engine, ask("b", loras=STYLE)).picture.rgb
    assert styled != plain
    assert draw_one(engine, ask("c", loras=(Lora("demo-style", 0.0),))).picture.rgb == plain
    assert draw_one(engine, ask("d")).picture.rgb == plain
    assert draw_one(engine, ask("e", loras=STYLE)).picture.rgb == styled


def test_text_and_unet_strengths_act_apart(engine: Engine, ask: Ask, draw_one: Draw) -> None:
    prompt = "a red cat on a blue house"
    both, text_only, unet_only, none = (
        draw_one(engine, ask(name, prompt=prompt, loras=loras)).picture.rgb
        for name, loras in (
            ("a", (Lora("demo-style", 1.0),)),
            ("b", (Lora("demo-style", 1.0, 0.0),)),
            ("c", (Lora("demo-style", 0.0, 1.0),)),
            ("d", ()),
        )
    )
    assert unet_only != none
    assert both != none
    assert len({both, unet_only, none}) == 3 or text_only == none


def test_pictures_with_different_loras_take_turns_and_come_out_as_alone(
    engine: Engine, ask: Ask, draw_one: Draw, run_all: RunAll
) -> None:
    spells = {"a": (), "b": STYLE, "c": (Lora("demo-style", 0.3),)}
    alone = {name: draw_one(engine, ask(name, loras=loras, steps=6)).picture.rgb for name, loras in spells.items()}
    events = run_all(engine, [ask(name, loras=loras, steps=6) for name, loras in spells.items()])
    first_steps = [e.request_id for e in events if isinstance(e, StepDone) and e.done == 1]
    assert first_steps == ["a", "b", "c"]
    for event in (e for e in events if isinstance(e, ImageReady)):
        together = np.frombuffer(event.picture.rgb, np.uint8).astype(int)
        assert np.abs(together - np.frombuffer(alone[event.request_id], np.uint8)).max() <= 1


def test_a_lora_found_by_file_name_alias_or_case_is_the_same(engine: Engine, ask: Ask, draw_one: Draw) -> None:
    names = ("demo-style", "demo-style.safetensors", "DEMO-STYLE")
    assert len({draw_one(engine, ask("a", loras=(Lora(name, 1.0),))).picture.rgb for name in names}) == 1


def test_a_lora_for_another_base_fails_its_picture_and_the_base_is_unchanged(
    engine: Engine, ask: Ask, draw_one: Draw, run_all: RunAll, model_folders: ModelFolders
) -> None:
    before = draw_one(engine, ask("a")).picture.rgb
    _write_sdxl_lora(model_folders.loras)
    events = run_all(engine, [ask("bad", loras=(Lora("xl"),))])
    assert isinstance(events[-1], Failed)
    assert isinstance(events[-1].error, LoraIncompatible)
    assert "sdxl" in events[-1].error.detail
    assert draw_one(engine, ask("b")).picture.rgb == before


def test_a_lora_that_arrives_after_the_engine_started_is_found(
    engine: Engine, ask: Ask, draw_one: Draw, model_folders: ModelFolders, tiny_family: object
) -> None:
    draw_one(engine, ask("a"))
    model_folders.loras.mkdir()
    source = model_folders.built_in_loras[0][1]
    (model_folders.loras / "later.safetensors").write_bytes(source.read_bytes())
    draw_one(engine, ask("b", loras=(Lora("later"),)))


def test_keys_that_were_left_out_are_told_in_a_note(
    engine: Engine, ask: Ask, draw_one: Draw, model_folders: ModelFolders
) -> None:
    from safetensors.torch import load_file

    model_folders.loras.mkdir()
    tensors = load_file(model_folders.built_in_loras[0][1])
    save_file({**tensors, "strange.key": torch.zeros(1)}, model_folders.loras / "odd.safetensors")
    notes = draw_one(engine, ask(loras=(Lora("odd"),))).notes
    assert len(notes) == 1
    assert "strange.key" in notes[0]


def _write_sdxl_lora(folder: Path) -> None:
    folder.mkdir()
    stem = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k"
    tensors = {f"{stem}.lora_down.weight": torch.zeros(4, 2048), f"{stem}.lora_up.weight": torch.zeros(640, 4)}
    save_file(tensors, folder / "xl.safetensors", {"ss_base_model_version": "sdxl_base_v1-0"})


@pytest.mark.parametrize("weight", [-1.0, 0.5])
def test_negative_and_fractional_strengths_draw(engine: Engine, ask: Ask, draw_one: Draw, weight: float) -> None:
    assert draw_one(engine, ask(loras=(Lora("demo-style", weight),))).picture.rgb


def test_a_lora_replaced_on_disk_is_read_again(
    engine: Engine, ask: Ask, draw_one: Draw, model_folders: ModelFolders
) -> None:
    from safetensors.torch import load_file

    model_folders.loras.mkdir()
    tensors = load_file(model_folders.built_in_loras[0][1])
    save_file(tensors, model_folders.loras / "own.safetensors")
    first = draw_one(engine, ask("a", loras=(Lora("own"),))).picture.rgb
    half = {k: v * 0.5 if k.endswith("lora_up.weight") else v for k, v in tensors.items()}
    save_file(half, model_folders.loras / "own.safetensors")
    assert draw_one(engine, ask("b", loras=(Lora("own"),))).picture.rgb != first
