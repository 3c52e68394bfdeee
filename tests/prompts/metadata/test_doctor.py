from __future__ import annotations

import pytest

from prompts import Spell
from prompts.metadata import Machine, ModelFile, Verdict, examine, parse_infotext, read_text

BASE = (
    "a <lora:ink:0.8>\nNegative prompt: bad\nSteps: 20, Sampler: DPM++ SDE Karras, CFG scale: 7, Seed: 1, Size: 512x768"
)
MACHINE = Machine(
    checkpoints=(ModelFile("chillout", ("fc2511737a54c5e80b89ab03e0ab4b98d051ab187f92860f3cd664dc9d08b271",)),),
    loras=(ModelFile("ink", ("0a1b2c3d4e5f6071",)), ModelFile("styles/oil")),
    vaes=(ModelFile("mse", ("735e4c3a447a3255",)),),
    embeddings=(ModelFile("easy", ("c74b4e810b030f6b",)),),
    upscalers=("R-ESRGAN 4x+",),
)


def verdicts(line: str = "", base: str = BASE) -> dict[str, Verdict]:
    found = examine(parse_infotext(f"{base}, {line}" if line else base), MACHINE)
    return {verdict.field: verdict for verdict in found}


@pytest.mark.parametrize(
    ("line", "field", "status"),
    [
        ("Model hash: fc2511737a, Model: other name", "checkpoint", "exact"),
        ("Model hash: ffffffffff, Model: chillout", "checkpoint", "approximated"),
        ("Model hash: fc251173, Model: x", "checkpoint", "approximated"),
        ("Model: chillout.safetensors", "checkpoint", "approximated"),
        ("Model hash: 1234567890, Model: nowhere", "checkpoint", "missing"),
        ("Version: v1.6.0", "checkpoint", "missing"),
        ('Lora hashes: "ink: 0a1b2c3d4e5f"', "LoRA ink", "exact"),
        ('Lora hashes: "ink: ffffffffffff"', "LoRA ink", "approximated"),
        ('Hashes: {"lora:ink": "0a1b2c3d4e5f"}', "LoRA ink", "exact"),
        ("VAE hash: 735e4c3a44, VAE: m.pt", "VAE", "exact"),
        ("VAE hash: 0000000000, VAE: m.pt", "VAE", "missing"),
        ('TI hashes: "easy: c74b4e810b03"', "embedding easy", "exact"),
        ("RNG: CPU", "RNG", "exact"),
        ("ENSD: 31337", "ENSD", "exact"),
        ("Version: v1.10.1", "RNG", "exact"),
        ("Foo: 1", "RNG", "approximated"),
        ("Refiner: x [1]", "Refiner", "missing"),
        ("Denoising strength: 0.5", "Denoising strength", "missing"),
        ("ControlNet 0: x", "ControlNet 0", "missing"),
        ("ADetailer model: face", "ADetailer model", "approximated"),
        ("Tiling: True", "Tiling", "exact"),
        ("Emphasis: No norm", "Emphasis", "approximated"),
        ("Batch size: 4", "Batch size", "approximated"),
        ("Version: v1.6.1", "Version", "approximated"),
        ("Hires upscale: 2, Hires upscaler: Latent (nearest)", "hires upscaler", "exact"),
        ("Hires upscale: 2, Hires upscaler: R-ESRGAN 4x+", "hires upscaler", "exact"),
        ("Hires upscale: 2, Hires upscaler: 4x-UltraSharp", "hires upscaler", "missing"),
        ("Hires upscale: 2, Hires checkpoint: x", "hires checkpoint", "missing"),
    ],
)
def test_each_field_gets_its_verdict(line: str, field: str, status: str) -> None:
    assert verdicts(line)[field].status == status


@pytest.mark.parametrize(
    ("sampler", "field", "status"),
    [
        ("DPM++ SDE Karras", "sampler", "exact"),
        ("DPM++ SDE Karras", "schedule type", "exact"),
        ("Made up", "sampler", "missing"),
        ("DPM adaptive", "sampler", "exact"),
        ("UniPC", "sampler", "approximated"),
        ("DPM++ 2M", "schedule type", "approximated"),
        ("Euler a", "schedule type", "exact"),
        ("DPM++ 2M, Version: v1.9.3", "schedule type", "exact"),
        ("Euler, Schedule type: Strange", "schedule type", "missing"),
    ],
)
def test_sampler_and_schedule_type_are_told_apart(sampler: str, field: str, status: str) -> None:
    assert verdicts(base=BASE.replace("DPM++ SDE Karras", sampler))[field].status == status


def test_a_number_the_product_does_not_draw_is_missing() -> None:
    assert verdicts(base=BASE.replace("Steps: 20", "Steps: 500"))["Steps"].status == "missing"


def test_what_the_picture_does_not_say_is_told() -> None:
    fields = {verdict.field: verdict.status for verdict in examine(Spell("a"))}
    assert fields["Seed"] == "missing"
    assert fields["Steps"] == "approximated"
    assert fields["sampler"] == "approximated"


def test_the_old_prompt_editing_timeline_is_told() -> None:
    base = BASE.replace("a <", "[a:b:0.5] <") + ", Hires upscale: 2, Version: v1.5.2"
    messages = [verdict.message for verdict in examine(parse_infotext(base), MACHINE)]
    assert any("Before 1.6" in message for message in messages)


def test_a_reading_of_another_program_brings_its_losses() -> None:
    reading = read_text('{"1": {"class_type": "X", "inputs": {}}}')
    assert next(verdict.field for verdict in examine(reading)) == "ComfyUI"


def test_every_verdict_that_is_not_exact_says_why() -> None:
    for verdict in examine(parse_infotext(BASE), MACHINE):
        assert verdict.message
        assert verdict.status in ("exact", "approximated", "missing")
