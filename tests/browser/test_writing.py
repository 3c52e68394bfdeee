"""The prompt while it is written: weights, findings and fixes, tokens, completions, LoRAs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_ctrl_up_and_down_weigh_a_word_a_selection_and_a_tag_as_in_a1111(bench: Any) -> None:
    page = bench.write("a red cat, rain")
    prompt = page.locator("#prompt")

    def select(start: int, end: int) -> None:
        prompt.evaluate(f"e => {{ e.focus(); e.setSelectionRange({start}, {end}); }}")

    for start, end, keys, result in (
        (3, 3, ["Up"], "a (red:1.1) cat, rain"),
        (4, 4, ["Up"], "a (red:1.2) cat, rain"),
        (4, 4, ["Down", "Down"], "a red cat, rain"),
        (2, 9, ["Down"], "a (red cat:0.9), rain"),
        (3, 3, ["Up"], "a red cat, rain"),
    ):
        select(start, end)
        for key in keys:
            page.keyboard.press(f"Control+Arrow{key}")
        expect(prompt).to_have_value(result)
    prompt.fill("a cat <lora:ink:0.8>")
    select(10, 10)
    page.keyboard.press("Control+ArrowUp")
    expect(prompt).to_have_value("a cat <lora:ink:0.85>")


def test_findings_are_underlined_and_mended_and_tokens_counted(bench: Any) -> None:
    page = bench.write("a 😀 cat, （dog）, a cat")
    findings = page.locator(".prompt.prompt .findings li")
    expect(findings).to_have_count(2)
    expect(page.locator(".mirror .error, .mirror .warning").first).to_have_text("（")
    findings.first.locator("button").click()
    expect(page.locator("#prompt")).to_have_value("a 😀 cat, (dog）, a cat")
    page.locator(".findings button").first.click()
    expect(page.locator("#prompt")).to_have_value(re.compile(r"\(dog\)"))
    expect(page.locator(".counter").first).to_contain_text(re.compile(r"\d+ / 75"))
    page.fill("#prompt", ", ".join(f"a cat number {n}" for n in range(40)))
    expect(page.locator(".counter").first).to_contain_text(re.compile(r"\d+ tokens in \d chunks"))


def test_completions_come_by_prefix_and_by_chinese_words(bench: Any) -> None:
    (bench.data_dir / "wildcards").mkdir()
    (bench.data_dir / "wildcards" / "beasts.txt").write_text("cat\ndog\n", "utf-8")
    page = bench.write("")
    prompt, options = page.locator("#prompt"), page.locator("#prompt ~ .complete [role=option]")
    prompt.focus()
    page.keyboard.type("a tree, lighth")
    expect(options.first).to_contain_text("lighthouse")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(prompt).to_have_value(re.compile(r"^a tree, lighthouse"))
    page.keyboard.press("Control+z")
    expect(prompt).to_have_value("a tree, lighth")
    prompt.fill("")
    prompt.press_sequentially("灯塔")
    expect(options.first).to_contain_text("lighthouse")
    options.first.click()
    expect(prompt).to_have_value("lighthouse")
    prompt.press_sequentially(", __bea")
    expect(options.first).to_contain_text("__beasts__")
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)


def test_parameters_have_presets_a_dice_a_lock_and_hires(bench: Any) -> None:
    page = bench.write("a cat")
    page.fill("#width", "")
    page.fill("#height", "")
    page.click(".shape:has-text('2:3')")
    assert int(page.input_value("#height")) > int(page.input_value("#width"))
    page.click(".size .quiet-button")
    assert int(page.input_value("#width")) > int(page.input_value("#height"))
    page.fill("#width", "64")
    page.fill("#height", "64")
    page.click("#generate")
    page.wait_for_selector("#pictures img")
    page.click("#seed-lock")
    seed = page.input_value("#seed")
    assert seed.isdigit()
    page.click("#seed-dice")
    assert page.input_value("#seed") == ""
    page.click("#hires")
    expect(page.locator(".hires small").first).to_contain_text("128 × 128")
    page.fill("#upscale_by", "3")
    expect(page.locator(".generate-bar .facts")).to_contain_text("192 × 192")
