"""What the page says when something is wrong, and that it stops saying so."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Route, expect

pytestmark = pytest.mark.browser

CHINESE = {"locale": "zh-CN"}


def test_a_job_in_the_address_that_is_not_here_is_taken_out_of_it_and_said(bench: Any) -> None:
    page = bench.page
    bench.open(f"#job={'0' * 26}&spell={'1' * 26}")
    expect(page.locator("#alert")).to_contain_text("not on this server any more")
    expect(page.locator("#job-box")).to_be_hidden()
    page.wait_for_url(lambda url: "job" not in url and "spell" not in url)


@pytest.mark.parametrize("status", [429, 503])
def test_a_job_whose_event_stream_is_refused_is_followed_all_the_same(bench: Any, status: int) -> None:
    page = bench.page
    refused = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=status, content_type="application/problem+json", body="{}")

    page.route("**/api/jobs/*/events", refuse)
    bench.open()
    page.fill("#prompt", "a cat")
    bench.free.clear()
    page.click("#generate")
    expect(page.locator("#job-status")).to_contain_text(re.compile("Starting|steps|Waiting"))
    bench.free.set()
    expect(page.locator("#job-status")).to_contain_text("Done. 1 finished.")
    expect(page.locator("#pictures img")).to_have_count(1)
    assert refused


def test_a_stream_that_is_refused_for_a_while_is_taken_up_again(bench: Any) -> None:
    page = bench.page
    asked = []

    def refuse_twice(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) <= 2:
            route.fulfill(status=429, content_type="application/problem+json", body="{}")
        else:
            route.continue_()

    page.route("**/api/jobs/*/events", refuse_twice)
    page.route(re.compile("/api/jobs/[0-9A-Z]{26}$"), lambda route: route.abort())
    bench.open()
    page.fill("#prompt", "a cat")
    bench.free.clear()
    page.click("#generate")
    expect(page.locator("#job-status")).to_contain_text("trying again")
    bench.free.set()
    expect(page.locator("#job-status")).to_contain_text("Done. 1 finished.")
    assert len(asked) == 3


def test_what_was_wrong_goes_away_with_the_next_try(bench: Any) -> None:
    page = bench.page
    bench.open()
    for button, other in (("#generate", "#idea-send"), ("#idea-send", "#hands")):
        page.fill("#idea", "")
        page.click(button)
        expect(page.locator("#alert")).to_be_visible()
        page.fill("#idea", "a cat by the sea")
        page.click(other)
        expect(page.locator("#alert")).to_be_hidden()
        expect(page.locator("#prompt")).to_have_value(re.compile("cat"))


def test_the_hand_plan_explains_itself_also_when_it_adds_nothing(bench: Any) -> None:
    page = bench.page
    bench.open()
    page.fill("#prompt", "portrait of a woman waving at the camera")
    page.click("#hands")
    told = page.locator("#spell-status")
    expect(told).to_contain_text("nothing to add")  # the words that help were never shown to the demo family
    expect(told).to_contain_text(
        re.compile(r"Hands will be in frame \(\d+%\): “waving” .*\[off\] negatives: ", re.DOTALL)
    )


@pytest.mark.parametrize("bench", [CHINESE], indirect=True)
def test_errors_are_said_in_the_readers_language_with_their_facts(bench: Any) -> None:
    page = bench.page
    bench.open()
    page.evaluate("document.getElementById('spell-form').noValidate = true")
    said = page.locator("#alert-text")

    page.click("#idea-send")
    expect(said).to_have_text("想法是空的。请写下图片要画什么。")
    page.set_input_files("#photo", {"name": "x.pdf", "mimeType": "image/png", "buffer": b"%PDF-1.7"})
    expect(said).to_have_text("这是 PDF 文件。请发送 PNG、JPEG 或 WebP。")
    page.set_input_files("#photo", {"name": "x.png", "mimeType": "image/png", "buffer": picture(8, 8)})
    expect(said).to_contain_text("图片太小：8 × 8 像素")
    for prompt, width, sentence in (
        ("a cat", "65", "“宽”是 65，必须是 8 的倍数。"),
        ("a cat", "4096", "“宽”是 4096，必须在 64 到 2048 之间。"),
        ("a cat <lora:nowhere:1>", "64", "这里没有名为“nowhere”的 LoRA。"),
        ("nude woman, explicit sex", "64", "只生成适合公开场合的图片"),
    ):
        page.fill("#prompt", prompt)
        page.fill("#width", width)
        page.click("#generate")
        expect(said).to_contain_text(sentence)
    page.select_option("#language", "en")
    expect(said).to_contain_text("safe for work")


@pytest.mark.parametrize("bench", [CHINESE], indirect=True)
def test_notices_about_models_are_in_the_readers_language(bench: Any) -> None:
    page = bench.page
    bench.open()
    page.click("#notice-summary")
    expect(page.locator("#notice-list")).to_contain_text("很小的模型")
    page.set_input_files("#photo", {"name": "x.png", "mimeType": "image/png", "buffer": picture(96, 64)})
    expect(page.locator("#photo-status")).to_contain_text("本机没有 CLIP 模型")
    page.fill("#prompt", "a cat")
    page.fill("#width", "64")
    page.fill("#height", "64")
    page.select_option("#checkpoint", "demo")
    page.click("#generate")
    expect(page.locator("#job-notice")).to_contain_text("很小的模型")


def picture(width: int, height: int) -> bytes:
    encoded = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((width, height)).save(encoded, "PNG")
    return encoded.getvalue()
