"""What the page does when something goes wrong, and that it stops saying so."""

from __future__ import annotations

import io
import re
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, Route, expect

from generator.testing import FakeEngine
from service.testing import quiet_settings, running_server

pytestmark = pytest.mark.browser

CHINESE = {"locale": "zh-CN"}


def picture(width: int, height: int) -> bytes:
    encoded = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((width, height)).save(encoded, "PNG")
    return encoded.getvalue()


def file(data: bytes) -> dict[str, Any]:
    return {"name": "x.png", "mimeType": "image/png", "buffer": data}


def test_a_job_in_the_address_that_is_not_here_is_taken_out_of_it_and_said(bench: Any) -> None:
    page = bench.open(f"#job={'0' * 26}&spell={'1' * 26}")
    expect(page.locator("#alert")).to_contain_text("not on this server any more")
    expect(page.locator(".job")).to_have_count(0)
    page.wait_for_url(lambda url: "job" not in url and "spell" not in url)


@pytest.mark.parametrize("status", [429, 503])
def test_a_job_whose_event_stream_is_refused_is_followed_all_the_same(bench: Any, status: int) -> None:
    page = bench.write()
    refused = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=status, content_type="application/problem+json", body="{}")

    page.route("**/api/jobs/*/events", refuse)
    bench.free.clear()
    page.click("#generate")
    page.wait_for_selector(".job")
    bench.free.set()
    expect(page.locator("#job-status")).to_contain_text("Done: 1 finished.")
    expect(page.locator("#pictures img")).to_have_count(1)
    assert refused


def test_a_cut_connection_is_said_and_the_job_taken_up_again(bench: Any) -> None:
    page = bench.write()
    bench.free.clear()
    page.click("#generate")
    page.wait_for_selector(".job")
    page.route("**/api/**", lambda route: route.abort())
    page.context.set_offline(True)
    page.wait_for_timeout(100)
    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    page.unroute("**/api/**")
    bench.free.set()
    expect(page.locator("#job-status")).to_contain_text("Done: 1 finished.")
    expect(page.locator("#pictures img")).to_have_count(1)


def test_a_job_goes_on_after_the_server_was_restarted(browser: Browser, tmp_path: Path) -> None:
    free = threading.Event()
    context = browser.new_context(locale="en-US")
    context.set_default_timeout(20_000)
    page = context.new_page()

    def wait() -> None:
        free.wait(0.2)

    def held() -> FakeEngine:
        return FakeEngine(before_step=wait)

    with running_server(quiet_settings(tmp_path), held) as server:
        page.goto(server.url)
        page.wait_for_selector("body[data-ready]")
        page.click("#write")
        page.fill("#prompt", "a cat")
        page.fill("#steps", "40")
        page.click("#generate")
        expect(page.locator("#job-status")).to_contain_text("step")
    port = urlsplit(server.url).port or 0
    free.set()
    with running_server(quiet_settings(tmp_path), held, port=port):
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(page.locator("#pictures img")).to_have_count(1, timeout=20_000)
        expect(page.locator("#job-status")).to_contain_text("Done: 1 finished.")
        context.close()


def test_what_is_wrong_is_said_on_the_page_and_what_was_typed_stays(bench: Any) -> None:
    page = bench.open()
    page.click("#write")
    page.click("#generate")
    expect(page.locator("#alert")).to_contain_text("Begin with")
    page.fill("#prompt", "a cat")
    page.fill("#width", "65")
    page.click("#generate")
    expect(page.locator("#alert")).to_contain_text("multiple of 8")
    assert page.input_value("#prompt") == "a cat"
    page.fill("#width", "64")
    page.fill("#height", "64")
    page.click("#generate")
    expect(page.locator("#alert")).to_be_hidden()
    page.wait_for_selector("#pictures img")


def test_the_hand_plan_explains_itself_and_has_a_switch_for_every_strategy(bench: Any) -> None:
    page = bench.write("portrait of a woman waving at the camera")
    page.locator("#hands summary").click()
    plan = page.locator("#hand-plan")
    expect(plan).to_contain_text("waving")
    expect(page.locator("#hands summary")).to_contain_text("in frame")
    seeds = plan.locator("li", has_text="seed").locator("input")
    assert not seeds.is_checked()
    seeds.check()
    expect(seeds).to_be_checked()
    expect(page.locator("#spell-version")).to_have_text("version 2")
    page.select_option("#language", "zh-CN")
    expect(plan).to_contain_text("种子")


@pytest.mark.parametrize("bench", [CHINESE], indirect=True)
def test_errors_are_said_in_the_readers_language_with_their_facts(bench: Any) -> None:
    page = bench.open()
    said = page.locator("#alert-text")
    page.click("#idea-send")
    expect(said).to_have_text("想法是空的。请写下图片要画什么。")
    page.set_input_files("#photo", file(b"%PDF-1.7"))
    expect(said).to_have_text("这是 PDF 文件。请发送 PNG、JPEG 或 WebP。")
    page.set_input_files("#photo", file(picture(8, 8)))
    expect(said).to_contain_text("图片太小：8 × 8 像素")
    page.click("#write")
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
    page = bench.open()
    page.click("#notice summary")
    expect(page.locator("#notice")).to_contain_text("演示模型")
    page.set_input_files("#photo", file(picture(96, 64)))
    expect(page.locator("#origin")).to_contain_text("本机没有 CLIP 模型")
    expect(page.locator("#job-notice")).to_contain_text("演示模型")
    page.click("#doctor")
    page.wait_for_selector("#doctor-list li", timeout=60_000)  # it imports torch
    expect(page.locator("#doctor-list")).to_contain_text("计算设备")


@pytest.mark.parametrize(
    "bench", [{"settings": {"api_key": "a-key-of-forty-characters-a-key-of-forty"}}], indirect=True
)
def test_a_server_with_keys_asks_for_one_and_pictures_come_all_the_same(bench: Any) -> None:
    page = bench.page
    page.goto(bench.url)
    page.fill("#key", "not the right one")
    page.click("#key-send")
    expect(page.locator("#key")).to_have_value("")
    page.fill("#key", "a-key-of-forty-characters-a-key-of-forty")
    page.click("#key-send")
    page.wait_for_selector("body[data-ready]")
    page.click("#write")
    page.fill("#prompt", "a cat")
    page.click("#generate")
    shown = page.locator("#pictures img")
    expect(shown).to_have_attribute("src", re.compile("^blob:"))
    assert page.evaluate("document.querySelector('#pictures img').decode().then(() => true)")
