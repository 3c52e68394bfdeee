from __future__ import annotations

import json
from pathlib import Path

import pytest

from generator.models.profile import CheckpointProfile, checkpoint_profile
from prompts.spell import HiresFix


def civitai_picture(**changes: object) -> dict[str, object]:
    meta = {"sampler": "DPM++ 2M Karras", "cfgScale": 5.5, "steps": 28, "Clip skip": "2", "Size": "512x768"}
    return {"url": "x", "meta": {**meta, **changes}}


def beside(tmp_path: Path, suffix: str, note: object) -> Path:
    (tmp_path / f"model{suffix}").write_text(json.dumps(note))
    return tmp_path / "model.safetensors"


def test_the_example_pictures_say_what_a_checkpoint_draws_well_by(tmp_path: Path) -> None:
    pictures = [
        civitai_picture(),
        civitai_picture(sampler="Euler a", steps=40),
        civitai_picture(cfgScale=9, steps=20),
        {"meta": None},
    ]
    note = {"description": "<p>For <b>portraits</b>.</p>", "trainedWords": ["mdjrny-v4 style"], "images": pictures}
    found = checkpoint_profile(beside(tmp_path, ".civitai.info", note), {})
    said = found.params
    assert (said.sampler, said.schedule_type, said.steps, said.cfg_scale) == ("DPM++ 2M", "Karras", 28, 5.5)
    assert (said.clip_skip, said.width, said.height) == (2, 512, 768)
    assert (found.triggers, found.about) == (("mdjrny-v4 style",), "For portraits .")


def test_most_pictures_with_a_second_pass_make_it_the_checkpoints_own(tmp_path: Path) -> None:
    hires = {"Hires upscale": "1.5", "Hires upscaler": "4x-UltraSharp", "Denoising strength": 0.4, "Hires steps": 12}
    note = {"images": [civitai_picture(**hires), civitai_picture(**hires), civitai_picture()]}
    found = checkpoint_profile(beside(tmp_path, ".civitai.info", note), {})
    assert found.hires == HiresFix(1.5, steps=12, denoising_strength=0.4, upscaler="4x-UltraSharp")
    note = {"images": [civitai_picture(**hires), civitai_picture(), civitai_picture()]}
    assert checkpoint_profile(beside(tmp_path, ".civitai.info", note), {}).hires is None


def test_lora_managers_nested_note_is_read_too(tmp_path: Path) -> None:
    note = {"civitai": {"trainedWords": ["a", "b"], "images": [civitai_picture()]}}
    found = checkpoint_profile(beside(tmp_path, ".metadata.json", note), {})
    assert (found.triggers, found.params.steps) == (("a", "b"), 28)


def test_the_files_own_metadata_says_size_words_and_use(tmp_path: Path) -> None:
    metadata = {
        "modelspec.resolution": "1024x1024",
        "modelspec.trigger_phrase": "by artist, ink",
        "modelspec.usage_hint": "Keep CFG low.",
    }
    found = checkpoint_profile(tmp_path / "model.safetensors", metadata)
    assert (found.params.width, found.params.height) == (1024, 1024)
    assert (found.triggers, found.about) == (("by artist", "ink"), "Keep CFG low.")


@pytest.mark.parametrize(
    "note",
    [
        [],
        "text",
        {"images": "x"},
        {"images": [3, {"meta": 3}, {"meta": {"sampler": "magic", "steps": "many", "cfgScale": float("1e99")}}]},
        {"trainedWords": [3, None, ""], "description": 3},
        {"images": [civitai_picture(sampler=None, steps=10**9, cfgScale=True, Size="9x9", **{"Clip skip": 99})]},
    ],
)
def test_what_does_not_read_as_a_value_within_limits_is_left_out(tmp_path: Path, note: object) -> None:
    assert checkpoint_profile(beside(tmp_path, ".civitai.info", note), {}) == CheckpointProfile()


def test_nothing_beside_and_nothing_inside_says_nothing(tmp_path: Path) -> None:
    assert checkpoint_profile(tmp_path / "model.safetensors", {}) == CheckpointProfile()
