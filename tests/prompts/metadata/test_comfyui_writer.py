from __future__ import annotations

import json

from prompts.expansion.families import SD15
from prompts.metadata import read_text
from prompts.metadata.comfyui_writer import write_comfyui
from prompts.resolve import resolve
from prompts.spell import HiresFix, Lora, Params, Spell


def test_a_spell_written_as_a_graph_is_read_back_as_it_was() -> None:
    params = Params(22, "DPM++ SDE", "Karras", 6.5, 77, 512, 768, checkpoint="m")
    hires = HiresFix(upscale_by=2.0, steps=9, denoising_strength=0.4, upscaler="Latent (bicubic)")
    spell = Spell("a (cat:1.2), rain", "bad", (Lora("ink", 0.6), Lora("line", 0.5, 0.9)), params).evolve(hires=hires)
    graph, losses = write_comfyui(resolve(spell, SD15.defaults, 0))
    found = read_text(json.dumps(graph))
    assert {loss.code for loss in losses} == {"weight_method"} and found.tool == "ComfyUI"
    assert (found.spell.prompt, found.spell.negative_prompt, found.spell.loras) == (
        spell.prompt, spell.negative_prompt, spell.loras,
    )  # fmt: skip
    read = found.spell.params
    assert (read.steps, read.sampler, read.schedule_type, read.cfg_scale, read.seed) == (
        22,
        "DPM++ SDE",
        "Karras",
        6.5,
        77,
    )
    assert (read.width, read.height, read.checkpoint) == (512, 768, "m")
    assert read.hires is not None
    assert (read.hires.steps, read.hires.denoising_strength, read.hires.resize_to) == (9, 0.4, (1024, 1536))


def test_what_comfyui_has_no_word_for_is_told() -> None:
    spell = Spell("a cat", params=Params(sampler="Restart", hires=HiresFix(upscaler="Lanczos")))
    _, losses = write_comfyui(resolve(spell, SD15.defaults, 0))
    assert {"comfyui_name", "comfyui_upscaler"} <= {loss.code for loss in losses}
