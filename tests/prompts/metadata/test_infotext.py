from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from prompts import HiresFix, Lora, Params, Spell
from prompts.errors import MetadataError
from prompts.metadata import INFOTEXT_CHARACTERS, format_infotext, parse_infotext

WRITTEN_BY_A1111 = [
    "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Model hash: 45dee52b",
    "girl with an artist's beret, ((eyeshadow)), <lora:x:0.80>, desert\n"
    "Negative prompt: ugly, (((deformed))), [blurry]\n"
    "Steps: 20, Sampler: DPM++ SDE Karras, CFG scale: 7.0, Seed: 965400086, Size: 512x768, Model hash: fc2511737a, "
    "Model: chilloutmix_NiPrunedFp32Fix, VAE hash: 735e4c3a44, VAE: vae-ft-mse-840000.safetensors, "
    "Denoising strength: 0.45, Clip skip: 2, ENSD: 31337, Hires upscale: 2, Hires steps: 10, "
    'Hires upscaler: Latent (bicubic antialiased), Lora hashes: "x: 0a1b2c3d4e5f, y: 001122334455", Version: v1.6.0',
    "two\nlines, 猫\nNegative prompt: bad\n\nmore bad\n"
    "Steps: 30, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 5.5, Seed: 4294967295, Size: 832x1216, "
    'Model hash: abcdef0123, Model: sd_xl, RNG: CPU, Hires prompt: "a, b: c\\nd \\"q\\"", Version: v1.10.1',
    "a\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 512x512, Hires resize: 1024x0, Hires upscaler: Latent, "
    "Denoising strength: 0.7, Hires sampler: DPM++ 2M Karras, Tiling: True, Version: v1.7.0-225-g1, User: me",
    "x\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 1024x1024, First pass size: 0x0, "
    'Denoising strength: 0.7, ControlNet 0: "Module: canny, Model: c [1]", ADetailer model 2nd: hand_yolov8n.pt',
    "a\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 512x512\nTemplate: {a|b}\nNegative Template: c",
]


@pytest.mark.parametrize("text", WRITTEN_BY_A1111)
def test_what_a1111_wrote_is_written_back_byte_for_byte(text: str) -> None:
    assert format_infotext(parse_infotext(text)) == text


@pytest.mark.parametrize("text", WRITTEN_BY_A1111)
def test_without_the_written_text_the_spell_still_survives(text: str) -> None:
    spell = replace(parse_infotext(text), written="")
    assert parse_infotext(format_infotext(spell)) == spell


def test_only_what_changed_is_written_anew() -> None:
    spell = parse_infotext(WRITTEN_BY_A1111[1]).evolve(seed=7)
    assert format_infotext(spell) == WRITTEN_BY_A1111[1].replace("Seed: 965400086", "Seed: 7")
    spell = spell.evolve(schedule_type="Exponential", hires=None)
    text = format_infotext(spell)
    assert "Sampler: DPM++ SDE, Schedule type: Exponential, CFG scale: 7.0" in text
    assert "Hires" not in text
    assert "Denoising" not in text
    assert parse_infotext(text) == spell


def test_a_full_infotext_becomes_a_spell() -> None:
    spell = parse_infotext(WRITTEN_BY_A1111[1])
    assert spell == Spell(
        prompt="girl with an artist's beret, ((eyeshadow)), , desert",
        negative_prompt="ugly, (((deformed))), [blurry]",
        loras=(Lora("x", 0.8),),
        params=Params(
            steps=20,
            sampler="DPM++ SDE",
            schedule_type="Karras",
            cfg_scale=7.0,
            seed=965400086,
            width=512,
            height=768,
            clip_skip=2,
            checkpoint="chilloutmix_NiPrunedFp32Fix",
            checkpoint_hash="fc2511737a",
            vae="vae-ft-mse-840000.safetensors",
            hires=HiresFix(2.0, None, 10, 0.45, "Latent (bicubic antialiased)"),
        ),
        extra=(
            ("VAE hash", "735e4c3a44"),
            ("ENSD", "31337"),
            ("Lora hashes", "x: 0a1b2c3d4e5f, y: 001122334455"),
            ("Version", "v1.6.0"),
        ),
    )


def test_a_fresh_spell_is_written_in_the_order_of_a1111() -> None:
    params = Params(25, "DPM++ SDE", "Karras", 6.5, 3, 512, 640, 2, "demo", "abc", None, HiresFix(1.5, steps=8))
    spell = Spell("a cat", "bad", (Lora("x", 0.66),), params, (("VAE hash", "12"), ("Foo", "a, b"), ("Version", "1")))
    assert format_infotext(spell) == (
        "a cat <lora:x:0.66>\n"
        "Negative prompt: bad\n"
        "Steps: 25, Sampler: DPM++ SDE, Schedule type: Karras, CFG scale: 6.5, Seed: 3, Size: 512x640, "
        "Model hash: abc, Model: demo, VAE hash: 12, Denoising strength: 0.7, Clip skip: 2, Hires upscale: 1.5, "
        'Hires steps: 8, Hires upscaler: Latent, Foo: "a, b", Version: 1'
    )


HEAD = "a cat\nNegative prompt: bad\n"
LINE = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512"
CIVITAI = '[{"type":"checkpoint","modelVersionId":123},{"type":"lora","weight":0.66}]'


def extra_of(text: str) -> dict[str, str]:
    return dict(parse_infotext(text).extra)


def test_quirk_1_civitai_resources_are_kept_whole() -> None:
    text = f"{HEAD}{LINE}, Created Date: 2024-05-01T12:00:00.000Z, Civitai resources: {CIVITAI}, Civitai metadata: {{}}"
    assert parse_infotext(text).extra == (
        ("Created Date", "2024-05-01T12:00:00.000Z"),
        ("Civitai resources", CIVITAI),
        ("Civitai metadata", "{}"),
    )


def test_quirk_2_json_hashes_are_kept_whole() -> None:
    assert extra_of(f'{HEAD}{LINE}, Hashes: {{"model":"a","lora:b":"c"}}, Version: 1') == {
        "Hashes": '{"model":"a","lora:b":"c"}',
        "Version": "1",
    }


def test_quirk_3_an_empty_value_is_kept_empty() -> None:
    assert parse_infotext(f"{HEAD}{LINE}, Foo: , Bar: 1").extra == (("Foo", ""), ("Bar", "1"))


def test_quirk_4_a_key_of_one_character_is_a_key() -> None:
    assert extra_of(f"{HEAD}{LINE}, X: 1") == {"X": "1"}


def test_quirk_5_a_last_line_of_words_with_colons_stays_prompt() -> None:
    text = "a cat\nstyle: anime, mood: dark, light: low"
    assert parse_infotext(text) == Spell(text)


def test_quirk_6_a_short_parameters_line_is_read() -> None:
    assert parse_infotext(f"{HEAD}Steps: 20, Seed: 5") == Spell("a cat", "bad", params=Params(steps=20, seed=5))


def test_quirk_7_parameters_before_other_lines_are_found() -> None:
    spell = parse_infotext(f"{HEAD}{LINE}\nTemplate: {{a|b}} cat\nNegative Template: x\n\n")
    assert (spell.negative_prompt, spell.params.steps) == ("bad", 20)
    assert spell.extra == (("Template", "{a|b} cat"), ("Negative Template", "x"))


def test_quirk_8_a_paste_without_line_breaks_is_taken_apart() -> None:
    assert parse_infotext(f"{HEAD}{LINE}".replace("\n", " ")) == parse_infotext(f"{HEAD}{LINE}")
    assert parse_infotext(f"a cat {LINE}") == parse_infotext(f"a cat\n{LINE}")


def test_quirk_9_quoted_values_keep_breaks_quotes_and_chinese() -> None:
    assert extra_of(f'{HEAD}{LINE}, Foo: "a\\nb, \\"c\\": 猫"') == {"Foo": 'a\nb, "c": 猫'}


def test_quirk_10_only_sizes_are_split_at_an_x() -> None:
    spell = parse_infotext(f"{HEAD}{LINE}, Hires prompt: 1x2, Foo: 3x4")
    assert (spell.params.width, dict(spell.extra)) == (512, {"Hires prompt": "1x2", "Foo": "3x4"})


def test_quirk_11_windows_line_ends_change_nothing() -> None:
    assert parse_infotext(f"{HEAD}{LINE}".replace("\n", "\r\n")) == parse_infotext(f"{HEAD}{LINE}")


def test_quirk_12_booleans_stay_the_words_they_are() -> None:
    assert extra_of(f"{HEAD}{LINE}, Tiling: True") == {"Tiling": "True"}


@pytest.mark.parametrize(
    "pair", ["Steps: many", "CFG scale: nan", "Size: 512", "Seed: " + "9" * 400, "Clip skip: ", "Steps: 10^400"]
)
def test_a_value_that_does_not_fit_its_key_is_kept_as_text(pair: str) -> None:
    key, value = pair.split(":")
    line = ", ".join(p for p in f"{LINE}, Model: x".split(", ") if not p.startswith(key))
    assert parse_infotext(f"{HEAD}Steps: 1, {line}, {pair}").extra[-1] == (key, value.strip())


@pytest.mark.parametrize(
    ("written", "sampler", "schedule_type"),
    [
        ("Sampler: DPM++ SDE Karras", "DPM++ SDE", "Karras"),
        ("Sampler: DPM++ 2M, Schedule type: SGM Uniform", "DPM++ 2M", "SGM Uniform"),
        ("Sampler: Euler a", "Euler a", None),
        ("Sampler: k_euler_a, Schedule type: karras", "Euler a", "Karras"),
        ("Sampler: Made up", "Made up", None),
    ],
)
def test_sampler_and_schedule_type_are_read_in_both_forms(
    written: str, sampler: str, schedule_type: str | None
) -> None:
    params = parse_infotext(f"a\nSteps: 20, {written}, Seed: 1").params
    assert (params.sampler, params.schedule_type) == (sampler, schedule_type)


def test_the_old_first_pass_size_becomes_hires_fix() -> None:
    params = parse_infotext("a\nSteps: 9, Sampler: Euler, Seed: 1, Size: 1024x768, First pass size: 0x0").params
    assert (params.width, params.height) == (640, 448)
    assert params.hires is not None
    assert params.hires.resize_to == (1024, 768)


def test_a_plain_prompt_is_a_spell_without_parameters() -> None:
    assert parse_infotext("a cat") == Spell("a cat")
    assert parse_infotext("") == Spell()


@pytest.mark.parametrize("line", ["Size: large", "Model: a woman in red", "Script: noir", "mood: dark, Size: big"])
def test_words_that_look_like_keys_stay_prompt(line: str) -> None:
    assert parse_infotext(f"a cat\n{line}") == Spell(f"a cat\n{line}")


def test_half_a_block_is_enough() -> None:
    assert parse_infotext("Negative prompt: bad") == Spell("", "bad")
    assert parse_infotext("CFG scale: 7, Seed: 5").params == Params(cfg_scale=7.0, seed=5)


def test_lora_tags_in_the_negative_prompt_stay_text() -> None:
    assert parse_infotext("a\nNegative prompt: <lora:x:1>\nSteps: 1, Seed: 2").loras == ()


def test_a_changed_text_beats_its_old_exact_pair() -> None:
    text = format_infotext(Spell("Steps: 20, Sampler: Euler", params=Params(steps=5)))
    assert parse_infotext(text).params == Params(steps=5)
    changed = parse_infotext(text.replace("Steps: 5", "Steps: 6"))
    assert changed.params.steps == 6


@pytest.mark.parametrize("value", ['{"of": 1}', "[]", "{", '{"of":"x","params":{"steps":"many"}}'])
def test_a_forged_exact_pair_is_only_text(value: str) -> None:
    assert parse_infotext(f"a\n{LINE}, Spellwright: {value}").params.steps == 20


def test_too_long_is_refused_with_the_limit() -> None:
    with pytest.raises(MetadataError) as caught:
        parse_infotext("a" * (INFOTEXT_CHARACTERS + 1))
    assert caught.value.stable_code == "metadata_too_large"
    assert caught.value.facts["limit"] == INFOTEXT_CHARACTERS


def test_random_infotexts_come_back_byte_for_byte() -> None:
    source = random.Random(1)
    words = [
        "a cat",
        "(red:1.2)",
        "x, y",
        "猫",
        "\n",
        " line",
        "BREAK",
        "<lora:q:0.50>",
        '"q"',
        "\\",
        "[a:b:0.5]",
        "#c",
    ]

    def some(most: int) -> str:
        return " ".join(source.choice(words) for _ in range(source.randint(0, most)))

    def quoted(value: str) -> str:
        return json.dumps(value, ensure_ascii=False) if any(c in value for c in ",\n:") else value

    for _ in range(3_000):
        negative = some(4)
        pairs = {
            "Steps": str(source.randint(1, 50)),
            "Sampler": source.choice(["Euler a", "DPM++ SDE Karras", "UniPC"]),
            "CFG scale": source.choice(["7", "7.0", "7.5"]),
            "Seed": str(source.randint(0, 2**32 - 1)),
            "Size": "512x768",
            "Hires prompt": some(3),
            "ENSD": source.choice(["31337", "a: b, c"]),
            "Version": "v1.6.0",
        }
        line = ", ".join(f"{key}: {quoted(value)}" for key, value in pairs.items())
        text = some(6) + (f"\nNegative prompt: {negative}" if negative else "") + "\n" + line
        assert format_infotext(parse_infotext(text)) == text
