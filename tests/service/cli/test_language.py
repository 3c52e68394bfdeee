"""explain, convert, lint and inspect: what the command line says about prompts and recipes."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from prompts.metadata import png_with_infotext


@pytest.mark.parametrize("command", ["explain", "convert"])
def test_both_commands_explain_themselves(spellwright: Callable, command: str) -> None:
    ran = spellwright(command, "--help")
    assert (ran.code, "Usage:" in ran.out) == (0, True)


def test_explain_tells_which_text_is_in_force_at_which_step(spellwright: Callable) -> None:
    ran = spellwright("explain", "a (red:1.3) [cat:dog:0.5] BREAK mat <lora:ink:0.5>", "--steps", "20")
    assert ran.code == 0, ran.err
    assert "first pass, 20 steps" in ran.out
    assert "steps 1-10" in ran.out and "steps 11-20" in ran.out
    assert "a red:1.3 dog" in ran.out
    assert "chunk 2: 1 tokens, room for 74" in ran.out
    assert "ink at 0.5" in ran.out


def test_explain_gives_programs_steps_weights_and_the_words_of_each_chunk(spellwright: Callable) -> None:
    told = spellwright("explain", "[cat|dog], rain AND a house :0.4", "--steps", "4", "--json").value
    [one] = told["passes"]
    assert [part["weight"] for part in one["prompt"]] == [1.0, 0.4]
    texts = [told["texts"][s["text"]]["text"].strip() for s in one["prompt"][0]["stretches"]]
    assert texts == ["cat, rain", "dog, rain"] * 2
    [chunk] = told["texts"][0]["chunks"]
    assert [word["text"] for word in chunk["words"]] == ["cat,", "rain"]
    assert (chunk["tokens"], chunk["room"]) == (3, 72)


def test_explain_reads_a_pictures_spell_with_its_hires_pass(spellwright: Callable) -> None:
    recipe = "a cat\nSteps: 8, Sampler: Euler a, Size: 64x64, Denoising strength: 0.5, Hires upscale: 2, Hires steps: 4"
    Path("picture.png").write_bytes(png_with_infotext(8, 8, bytes(8 * 8 * 3), recipe))
    told = spellwright("explain", "picture.png", "--json").value
    assert [(p["name"], p["steps"], p["width"]) for p in told["passes"]] == [("first", 8, 64), ("hires", 4, 128)]


def test_convert_prints_the_prompt_alone_and_the_losses_beside_it(spellwright: Callable) -> None:
    ran = spellwright("convert", "a ((cat:1.5)), [dog] [a:b:0.3]", "--from", "a1111", "--to", "comfyui")
    assert (ran.code, ran.out) == (0, "a (cat:1.65), (dog:0.9091) b\n")
    assert "scheduling: [a:b:0.3]" in ran.err


def test_convert_reads_standard_input_and_answers_programs(
    spellwright: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("（cat：1.2）".encode()), "utf-8"))
    told = spellwright("convert", "-", "--from", "a1111", "--to", "compel", "--plain-signs", "--json").value
    assert told["text"] == "(cat)1.2"
    assert [loss["code"] for loss in told["losses"]] == ["weight_method"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("explain", "a cat", "--steps", "999"), "spell_out_of_range"),
        (("explain", "x" * 9000), "prompt_too_long"),
        (("explain", ""), "spell_not_found"),
        (("convert", "x" * 9000), "prompt_too_long"),
        (("convert", "a", "--from", "klingon"), "dialect_unknown"),
        (("convert", "a", "--to", "novelai"), "dialect_unknown"),
    ],
)
def test_bad_input_ends_with_2_and_one_line_with_the_code(
    spellwright: Callable, arguments: tuple[str, ...], code: str
) -> None:
    ran = spellwright(*arguments)
    assert (ran.code, ran.err.strip().endswith(f"[{code}]")) == (2, True), ran.err


RECIPE = (
    "a cat <lora:nowhere:0.8>\nSteps: 20, Sampler: DPM++ SDE, Schedule type: Karras, CFG scale: 7, Seed: 5, "
    'Size: 64x64, Model hash: 0123456789, Model: absent, Lora hashes: "nowhere: 00112233aabb", Version: v1.10.1'
)


def test_inspect_says_what_of_a_picture_is_missing_here_and_what_to_do(spellwright: Callable) -> None:
    Path("picture.png").write_bytes(png_with_infotext(64, 64, bytes(64 * 64 * 3), RECIPE))
    told = spellwright("inspect", "picture.png", "--json").value
    verdicts = {verdict["field"]: verdict for verdict in told["verdicts"]}
    assert verdicts["checkpoint"]["state"] == verdicts["LoRA nowhere"]["state"] == "missing"
    assert "0123456789" in verdicts["checkpoint"]["remedy"]
    assert verdicts["sampler"]["state"] == verdicts["Seed"]["state"] == "exact"
    ran = spellwright("inspect", "picture.png")
    assert "missing       checkpoint       absent [0123456789]" in ran.out
    assert "-> Look for the hash 00112233aabb on a model site." in ran.out


def test_lint_names_the_near_lora_of_this_machine(spellwright: Callable) -> None:
    lora = str(spellwright("models", "--json").value["loras"][0]["name"])
    found = spellwright("lint", f"a cat <lora:{lora}x:0.8>", "--json").value
    assert [(finding["code"], finding["fix"]) for finding in found] == [("lora_unknown", lora)]
    assert spellwright("lint", f"a cat <lora:{lora}:0.8>").code == 0
