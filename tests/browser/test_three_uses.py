from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from prompts.metadata import png_with_infotext, read_spell

pytestmark = pytest.mark.browser

INFOTEXT = "a cat, rain\nNegative prompt: blurry\nSteps: 12, Sampler: Euler a, CFG scale: 6, Seed: 5, Size: 64x64"
XSS = "<img src=x onerror=alert(1)><script>alert(2)</script>"
PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "has_touch": True}


def upload(data: bytes, name: str = "a.png") -> dict[str, Any]:
    return {"name": name, "mimeType": "image/png", "buffer": data}


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def drop(page: Page, data: bytes) -> None:
    """Let go of a file over the middle of the page."""
    script = """bytes => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], "a.png", {type: "image/png"}));
      for (const name of ["dragover", "drop"])
        document.body.dispatchEvent(new DragEvent(name, {dataTransfer: data, bubbles: true, cancelable: true}));
    }"""
    page.evaluate(script, list(data))


def test_a_photo_becomes_chips_that_can_be_weighed_moved_locked_and_left_out(bench: Any, photo: bytes) -> None:
    page = bench.open()
    assert page.locator("#notice").is_visible()
    page.set_input_files("#photo", upload(photo))
    page.wait_for_selector("#chips .chip")
    first = page.locator("#chips .chip").first
    term = first.locator(".chip-text").inner_text()
    assert page.locator("#chips .score").count() >= 1
    first.hover()
    expect(first.locator(".why")).to_contain_text("measured")

    first.focus()
    page.keyboard.press("Control+ArrowUp")
    expect(page.locator("#prompt")).to_have_value(re.compile(re.escape(f"({term}:1.1)")))
    page.keyboard.press("Control+ArrowDown")
    page.keyboard.press("Control+ArrowRight")
    expect(page.locator("#chips .chip-text").nth(1)).to_have_text(term)
    expect(page.locator("#chips .chip").nth(1)).to_be_focused()
    page.keyboard.press("l")
    expect(page.locator(".kept")).to_contain_text(term)

    source, target = page.locator("#chips .grip").nth(1), page.locator("#chips .chip").first
    source.scroll_into_view_if_needed()
    start, end = source.bounding_box(), target.bounding_box()
    assert start is not None and end is not None
    page.mouse.move(start["x"] + 4, start["y"] + 4)
    page.mouse.down()
    page.mouse.move(end["x"] + 20, end["y"] + 10, steps=4)
    page.mouse.up()
    expect(page.locator("#chips .chip-text").first).to_have_text(term)

    page.locator("#chips .drop-chip").first.click()
    assert term not in page.input_value("#prompt")
    page.locator(".chips.out button", has_text=term).click()
    assert term in page.input_value("#prompt")
    category = page.locator(".evidence .pill[aria-pressed=true]").first
    before = page.locator("#chips .chip").count()
    category.click()
    assert page.locator("#chips .chip").count() < before


def test_a_picture_that_carries_its_spell_is_dropped_and_read_exactly(bench: Any) -> None:
    page = bench.open()
    drop(page, png_with_infotext(64, 64, bytes(64 * 64 * 3), INFOTEXT))
    expect(page.locator("#seed")).to_have_value("5")
    expect(page.locator("#prompt")).to_have_value("a cat, rain")
    assert page.input_value("#sampler") == "Euler a"
    expect(page.locator("#photo-status")).to_contain_text("exact")
    page.click("#verdicts")
    expect(page.locator("#verdict-table")).to_contain_text("Euler a")


def test_an_idea_is_talked_into_shape_undone_and_branched(bench: Any) -> None:
    page = bench.open()
    page.fill("#idea", "雨夜的猫")
    page.press("#idea", "Enter")
    expect(page.locator("#prompt")).to_have_value(re.compile("cat"))
    expect(page.locator("#spell-version")).to_have_text("version 1")
    assert page.inner_text("#idea-kept p") == "雨夜的猫"

    page.fill("#message", "make it winter, 25 steps")
    page.press("#message", "Enter")
    page.wait_for_selector("#review")
    expect(page.locator(".turn .diff .added")).to_contain_text("winter")
    assert page.input_value("#steps") == "25"
    page.click("#accept")
    expect(page.locator("#review")).to_be_hidden()
    page.locator(".suggestion").first.click()
    page.wait_for_selector("#review")
    page.click("#undo")
    expect(page.locator("#spell-version")).to_have_text("version 4")
    expect(page.locator("#prompt")).to_have_value(re.compile("winter"))

    page.click("#tab-versions")
    expect(page.locator("#versions > li")).to_have_count(4)
    first = page.locator("#versions > li").last
    first.get_by_text("Compare", exact=True).click()
    expect(first.locator(".diff")).to_contain_text("20 → 25")
    first.get_by_text("Go on from here").click()
    expect(page.locator("#spell-version")).to_have_text("version 5")
    assert page.input_value("#steps") != "25"
    spell = page.evaluate("location.hash.match(/spell=(\\w+)/)[1]")
    parents = page.evaluate(
        f"fetch('/api/spells/{spell}').then(r => r.json()).then(s => s.versions.map(v => v.parent))"
    )
    assert parents == [None, 1, 2, 2, 1]


def test_a_spell_is_drawn_looked_at_compared_varied_and_taken_home(bench: Any) -> None:
    page = bench.write("a cat, sitting")
    page.fill("#seed", "7")
    page.fill("#count", "2")
    page.click("#generate")
    expect(page.locator("#pictures img")).to_have_count(2)
    expect(page.locator("#job-status")).to_contain_text("Done")
    page.locator("#pictures button").nth(1).click()
    expect(page.locator("#metadata")).to_contain_text("a cat, sitting")
    with page.expect_download() as saved:
        page.click("#download")
    spell = read_spell(Path(saved.value.path()).read_bytes())
    assert spell is not None and spell.params.seed == 8
    page.click("#compare")
    page.locator("#comparison input").fill("30")
    assert page.evaluate("document.getElementById('comparison').style.getPropertyValue('--share')") == "30%"
    page.keyboard.press("Escape")
    page.fill("#prompt", "something else")
    page.locator("#pictures button").first.click()
    page.wait_for_selector("#metadata")
    page.click("#use")
    expect(page.locator("#prompt")).to_have_value("a cat, sitting")
    assert page.input_value("#seed") == "7"
    page.locator("#pictures button").first.click()
    page.wait_for_selector("#use:enabled")
    page.click("#hires-this")
    expect(page.locator("#pictures img")).to_have_count(3)
    page.locator("#pictures button").first.click()
    expect(page.locator("#metadata")).to_contain_text("128 × 128")
    page.wait_for_selector("#use:enabled")
    page.click("#vary")
    expect(page.locator("#pictures img")).to_have_count(7)


def test_an_idea_is_drawn_in_one_go(bench: Any) -> None:
    page = bench.open()
    page.fill("#idea", "a red heart")
    page.click("#idea-draw")
    expect(page.locator("#pictures img")).to_have_count(1)


@pytest.mark.parametrize("bench", [PHONE | {"locale": "zh-CN"}], indirect=True)
def test_on_a_phone_in_chinese_a_running_job_survives_a_reload_and_is_cancelled(bench: Any) -> None:
    page = bench.open()
    assert page.inner_text("#idea-send") == "写成咒语" and page.evaluate("document.documentElement.lang") == "zh-CN"
    assert overflow(page) <= 0
    page.click("#write")
    page.fill("#prompt", XSS)
    bench.free.clear()
    page.click("#generate")
    page.wait_for_url(re.compile("job="))
    page.wait_for_selector(".job")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    page.wait_for_selector(".job .cancel")
    page.click("#pane-spell")
    assert page.input_value("#prompt") == XSS
    assert overflow(page) <= 0
    page.click("#pane-pictures")
    page.click(".job .cancel")
    bench.free.set()
    expect(page.locator("#job-status")).to_contain_text("已取消")
    assert overflow(page) <= 0
    page.select_option("#language", "en")
    expect(page.locator("#generate")).to_contain_text("Generate")


def test_what_was_typed_survives_a_reload_before_it_is_kept(bench: Any) -> None:
    page = bench.write("a half-written thought")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(page.locator("#prompt")).to_have_value("a half-written thought")


def test_the_api_page_shows_every_route(bench: Any) -> None:
    page = bench.page
    page.goto(bench.url + "/docs")
    page.wait_for_selector("body[data-ready]")
    shown = page.locator(".route code").all_inner_texts()
    spec = page.evaluate("fetch('/openapi.json').then(r => r.json())")
    assert {path for path in spec["paths"]} <= set(shown)
