from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from prompts.metadata import png_with_infotext, read_spell

pytestmark = pytest.mark.browser

INFOTEXT = "a cat, rain\nNegative prompt: blurry\nSteps: 12, Sampler: Euler a, CFG scale: 6, Seed: 5, Size: 64x64"
XSS = "<img src=x onerror=alert(1)><script>alert(2)</script>"
PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "has_touch": True}


def upload(data: bytes, name: str = "a.png") -> dict[str, Any]:
    return {"name": name, "mimeType": "image/png", "buffer": data}


def photo() -> bytes:
    encoded = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((160, 120)).save(encoded, "PNG")
    return encoded.getvalue()


def overflow(page: Any) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_a_photo_an_idea_a_chat_turn_and_a_picture_on_one_page(bench: Any, tmp_path: Path) -> None:
    page = bench.page
    bench.open()
    assert page.locator("#notice").is_visible()

    page.set_input_files("#photo", upload(photo()))
    page.wait_for_selector("#chips button")
    prompt = page.input_value("#prompt")
    chip = page.locator("#chips button[aria-pressed=true]").first
    term = chip.inner_text().strip()
    chip.click()
    assert term in prompt and term not in page.input_value("#prompt")

    page.set_input_files("#photo", upload(png_with_infotext(64, 64, bytes(64 * 64 * 3), INFOTEXT)))
    expect(page.locator("#seed")).to_have_value("5")
    assert page.input_value("#prompt") == "a cat, rain"
    assert page.input_value("#sampler") == "Euler a"
    expect(page.locator("#photo-status")).to_contain_text("exact")

    page.fill("#idea", "雨夜的猫")
    page.click("#idea-send")
    expect(page.locator("#prompt")).to_have_value(re.compile("cat at night"))
    assert page.inner_text("#spell-version") == "version 1"

    page.fill("#message", "make it winter, 25 steps")
    page.press("#message", "Enter")
    page.wait_for_selector(".diff")
    assert page.input_value("#steps") == "25"
    assert page.inner_text("#spell-version") == "version 2"
    page.click("#turns >> text=Undo")
    expect(page.locator("#spell-version")).to_have_text("version 3")
    assert page.input_value("#steps") != "25"

    page.fill("#seed", "7")
    page.fill("#count", "2")
    page.click("#generate")
    expect(page.locator("#pictures img")).to_have_count(2)
    expect(page.locator("#job-status")).to_contain_text("Done")
    with page.expect_download() as saved:
        page.click("#pictures >> text=Download >> nth=1")
    spell = read_spell(Path(saved.value.path()).read_bytes())
    assert spell is not None and spell.params.seed == 8
    page.fill("#prompt", "something else")
    page.click("#pictures >> text=Use these parameters >> nth=0")
    expect(page.locator("#prompt")).not_to_have_value("something else")
    assert page.input_value("#seed") == "7"


@pytest.mark.parametrize("bench", [PHONE | {"locale": "zh-CN"}], indirect=True)
def test_on_a_phone_in_chinese_a_running_job_survives_a_reload_and_is_cancelled(bench: Any) -> None:
    page = bench.page
    bench.open()
    assert page.inner_text("#generate") == "生成" and page.evaluate("document.documentElement.lang") == "zh-Hans"
    assert overflow(page) <= 0
    page.fill("#prompt", XSS)
    bench.free.clear()
    page.click("#generate")
    page.wait_for_url(re.compile("job="))
    page.reload()
    page.wait_for_selector("body[data-ready]")
    page.wait_for_selector("#job-box:not([hidden])")
    assert page.input_value("#prompt") == XSS
    assert page.locator("#cancel").is_visible()
    page.click("#cancel")
    bench.free.set()
    expect(page.locator("#job-status")).to_contain_text("已取消")
    assert overflow(page) <= 0
    page.select_option("#language", "en")
    assert page.inner_text("#generate") == "Generate"


def test_what_is_wrong_is_said_on_the_page_and_what_was_typed_stays(bench: Any) -> None:
    page = bench.page
    bench.open()
    page.click("#generate")
    expect(page.locator("#alert")).to_contain_text("Begin with")
    page.fill("#prompt", f"a cat {XSS}")
    page.fill("#width", "65")
    page.evaluate("document.getElementById('spell-form').noValidate = true")
    page.click("#generate")
    expect(page.locator("#alert")).to_contain_text("multiple of 8")
    assert page.input_value("#prompt") == f"a cat {XSS}"
    page.fill("#width", "64")
    page.click("#generate")
    page.wait_for_selector("#pictures img")
    page.set_input_files("#photo", upload(b"%PDF-1.7", "x.pdf"))
    expect(page.locator("#alert")).to_contain_text("PDF")
    assert page.locator("#pictures img").count() == 1


def test_the_api_page_shows_every_route(bench: Any) -> None:
    page = bench.page
    page.goto(bench.url + "/docs")
    page.wait_for_selector("body[data-ready]")
    shown = page.locator(".route code").all_inner_texts()
    spec = page.evaluate("fetch('/openapi.json').then(r => r.json())")
    assert {path for path in spec["paths"]} <= set(shown)
