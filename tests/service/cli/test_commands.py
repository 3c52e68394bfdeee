"""The ten commands, run as a person runs them, on the demo model."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from prompts.metadata import read_spell
from prompts.spell import Lora

COMMANDS = (
    *("serve", "demo", "interrogate", "expand", "refine", "history", "generate", "ab", "inspect", "lint", "models"),
    *("doctor", "audit"),
)


def a_photo(path: Path) -> Path:
    Image.linear_gradient("L").resize((96, 64)).convert("RGB").save(path, "JPEG")
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(spellwright: Callable, command: str) -> None:
    ran = spellwright(command, "--help")
    assert ran.code == 0
    assert "Usage:" in ran.out


@pytest.mark.parametrize(("written", "is_warned"), [("0123456789", True), (None, False)])
def test_another_file_under_the_checkpoints_name_is_told(
    spellwright: Callable, written: str | None, is_warned: bool
) -> None:
    model = f", Model hash: {written}" if written else ""
    infotext = f"a red heart\nSteps: 1, Sampler: Euler, Seed: 3, Size: 64x64{model}, Model: demo"
    ran = spellwright("generate", infotext)
    assert ran.code == 0, ran.err
    assert ("is another file here" in ran.err) is is_warned


def test_generate_writes_a_picture_that_carries_the_spell_it_was_drawn_from(spellwright: Callable) -> None:
    ran = spellwright(
        *("generate", "a red heart, <lora:NAME:0.66>".replace("NAME", demo_lora(spellwright))),
        *("--steps", "2", "--seed", "7", "--size", "64x64", "--sampler", "DPM++ SDE Karras", "--hires", "2"),
        *("--hires-steps", "2", "--json"),
    )
    assert ran.code == 0, ran.err
    [made] = ran.value
    spell = read_spell(Path(made["file"]).read_bytes())
    assert spell is not None
    assert spell.loras == (Lora(demo_lora(spellwright), 0.66),)
    assert (spell.params.seed, spell.params.sampler, spell.params.schedule_type) == (7, "DPM++ SDE", "Karras")
    with Image.open(made["file"]) as picture:
        assert picture.size == (128, 128)


def test_a_picture_is_a_spell_for_every_command_that_takes_one(spellwright: Callable) -> None:
    [made] = spellwright("generate", "a red heart", "--steps", "2", "--size", "64x64", "--seed", "3", "--json").value
    again = spellwright("generate", made["file"], "--json")
    assert again.code == 0, again.err
    assert Path(again.value[0]["file"]).read_bytes() == Path(made["file"]).read_bytes()
    assert spellwright("inspect", made["file"], "--json").value["spell"]["params"]["seed"] == 3
    refined = spellwright("refine", made["file"], "30 steps", "--json").value
    assert refined["spell"]["params"]["steps"] == 30
    assert refined["diff"]["params"] == [{"name": "steps", "old": 2, "new": 30}]


@pytest.mark.parametrize("idea", ["a red heart on a blue background", "蓝色背景上的一颗红心"])
def test_an_idea_in_english_or_chinese_becomes_a_stored_spell(spellwright: Callable, idea: str) -> None:
    version = spellwright("expand", idea, "--json").value
    assert "heart" in version["spell"]["prompt"]
    assert version["idea"] == idea
    assert version["details"]["by"] == "offline"
    assert spellwright("refine", version["spell_id"], "30 steps", "--json").value["version"] == 2


def test_a_photo_without_metadata_is_measured_and_the_answer_says_what_is_missing(spellwright: Callable) -> None:
    [found] = spellwright("interrogate", str(a_photo(Path("photo.jpg"))), "--json").value
    assert found["details"]["interrogation"]["terms"]
    assert "spellwright models fetch" in found["details"]["notice"]


def test_one_bad_picture_of_several_is_reported_and_the_rest_is_read(spellwright: Callable) -> None:
    Path("bad.jpg").write_text("this is no picture")
    ran = spellwright("interrogate", "bad.jpg", str(a_photo(Path("good.jpg"))), "--json")
    assert ran.code == 2 and "image_format_not_allowed" in ran.err
    assert [found["picture"] for found in ran.value] == ["good.jpg"]


def test_inspect_guesses_nothing_about_a_picture_without_a_spell(spellwright: Callable) -> None:
    assert spellwright("inspect", str(a_photo(Path("photo.jpg"))), "--json").value["found"] is False


def test_lint_ends_with_1_when_it_finds_something_and_0_when_not(spellwright: Callable) -> None:
    assert spellwright("lint", "(masterpiece, 1girl").code == 1
    assert spellwright("lint", "a cat on a mat").code == 0


def test_doctor_names_every_part_and_a_remedy_for_what_is_missing(spellwright: Callable) -> None:
    ran = spellwright("doctor", "--json")
    assert ran.code == 0, ran.out
    checks = {check["name"]: check for check in ran.value["checks"]}
    assert {"torch", "device", "checkpoints", "LoRAs", "CLIP", "language model", "database", "data folder"} <= set(
        checks
    )
    assert all(c["remedy"] for c in checks.values() if c["state"] in ("missing", "broken"))


def test_models_lists_what_is_here_and_what_can_be_fetched(spellwright: Callable) -> None:
    found = spellwright("models", "--json").value
    assert "demo" in [c["name"] for c in found["checkpoints"]]
    assert {"sd15", "clip-vit-l-14"} <= {m["name"] for m in found["fetchable"]}


def demo_lora(spellwright: Callable) -> str:
    return str(spellwright("models", "--json").value["loras"][0]["name"])


BAD_INPUT = [
    (("expand", "   "), "idea_empty"),
    (("expand", "x" * 5000), "prompt_too_long"),
    (("generate", "x" * 9000), "prompt_too_long"),
    (("generate", "a cat", "--sampler", "DPM+ SDE Karas"), "sampler_not_found"),
    (("generate", "a cat", "--checkpoint", "dem"), "checkpoint_not_found"),
    (("generate", "a cat", "--lora", "nosuch:0.66"), "lora_not_found"),
    (("generate", "a cat", "--lora", "demo:much"), "lora_invalid"),
    (("generate", "a cat", "--size", "big"), "size_invalid"),
    (("generate", "a cat", "--size", "100x100"), "spell_out_of_range"),
    (("generate", "a cat", "--steps", "9999"), "spell_out_of_range"),
    (("generate", "a cat", "--count", "0"), "request_invalid"),
    (("generate", "nude child"), "policy_blocked"),
    (("inspect", "none.png"), "file_not_found"),
    (("inspect", "text.png"), "image_format_not_allowed"),
    (("models", "convert", "text.ckpt"), "convert_failed"),
    (("interrogate", "text.png"), "image_format_not_allowed"),
    (("interrogate", "cut.png"), "image_truncated"),
    (("interrogate", "ok.png", "--mode", "slow"), "mode_not_found"),
    (("refine", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "more light"), "not_found"),
    (("models", "add", "text.ckpt"), "pickle_refused"),
    (("models", "fetch", "sd51"), "model_missing"),
]


@pytest.mark.parametrize(("arguments", "code"), BAD_INPUT, ids=[code for _, code in BAD_INPUT])
def test_bad_input_ends_with_2_and_one_line_that_names_the_code(
    spellwright: Callable, arguments: tuple[str, ...], code: str
) -> None:
    Path("text.png").write_text("this is no picture")
    Path("text.ckpt").write_text("this is no model")
    whole = io.BytesIO()
    Image.effect_noise((64, 64), 80).save(whole, "PNG")
    Path("ok.png").write_bytes(whole.getvalue())
    Path("cut.png").write_bytes(whole.getvalue()[:1500])
    ran = spellwright(*arguments)
    assert ran.code == 2
    error_lines = [line for line in ran.err.strip().splitlines() if line.startswith("spellwright:")]
    assert len(error_lines) == 1
    assert error_lines[0].endswith(f"[{code}]")


def test_a_near_name_is_offered_for_a_misspelt_one(spellwright: Callable) -> None:
    assert "DPM++ SDE" in spellwright("generate", "a cat", "--sampler", "DPM+ SDE Karas").err


def test_a_program_gets_the_error_as_json(spellwright: Callable) -> None:
    ran = spellwright("expand", " ", "--json")
    assert '"code": "idea_empty"' in ran.err


def test_a_bad_setting_stops_the_start_and_names_key_value_and_type(
    spellwright: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPELLWRIGHT_PORT", "seven")
    ran = spellwright("expand", "a cat")
    assert ran.code == 2
    assert "port" in ran.err and "seven" in ran.err and "int" in ran.err


def test_a_nearly_full_disk_refuses_new_jobs_and_loses_nothing(
    spellwright: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = spellwright("expand", "a red heart", "--json").value
    monkeypatch.setenv("SPELLWRIGHT_MIN_FREE_BYTES", str(10**18))
    ran = spellwright("generate", kept["spell_id"])
    assert (ran.code, "[disk_low]" in ran.err) == (2, True)
    monkeypatch.delenv("SPELLWRIGHT_MIN_FREE_BYTES")
    assert spellwright("refine", kept["spell_id"], "30 steps", "--json").code == 0


def test_a_spell_is_refined_from_an_older_version_proposed_undone_and_compared(spellwright: Callable) -> None:
    spell = spellwright("expand", "a red heart", "--json").value["spell_id"]
    assert spellwright("refine", spell, "blue background", "--json").value["version"] == 2
    proposed = spellwright("refine", spell, "make it yellow", "--propose", "--json").value
    assert proposed["is_proposal"] and proposed["version"] == 3
    branch = spellwright("refine", spell, "white background", "--from", "1", "--json").value
    assert (branch["version"], branch["parent"]) == (3, 1)
    undone = spellwright("history", spell, "--undo", "--json").value["versions"]
    assert [(v["number"], v["parent"], v["same_as"]) for v in undone[1:]] == [(2, 1, None), (3, 1, None), (4, 1, 1)]
    assert spellwright("history", spell, "--compare", "1", "2").out.count("blue background") == 1
    assert "4 from 1 (newest)" in spellwright("history", spell).out


def test_hands_are_planned_by_default_and_as_somebody_chooses(spellwright: Callable) -> None:
    plain = spellwright("expand", "a woman waving", "--json").value
    off = spellwright("expand", "a woman waving", "--hands", "off", "--json").value
    assert plain["details"]["hands"]["choice"] == "auto" and off["details"]["hands"]["choice"] == []
    wrong = spellwright("expand", "a woman waving", "--hands", "gloves")
    assert (wrong.code, "hand_strategy_unknown" in wrong.err) == (2, True)
