"""axe-core finds nothing serious, on any screen, in both languages and both themes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

AXE = Path(sys.prefix) / "axe-core" / "axe.min.js"
DARK = {"color_scheme": "dark", "locale": "zh-CN"}
PHONE_VIEW = {"viewport": {"width": 360, "height": 740}}


def assert_accessible(page: Page, screen: str) -> None:
    # Through the debugger: the page's own policy lets no foreign script in.
    page.evaluate(AXE.read_text("utf-8") + ";undefined")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations)")
    serious = [
        (screen, rule["id"], node["target"], node["failureSummary"])
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"][:3]
    ]
    assert serious == []


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not here: `make browser` fetches it with npm")
@pytest.mark.parametrize("bench", [{}, DARK, PHONE_VIEW], indirect=True, ids=["light", "dark, Chinese", "phone"])
def test_axe_finds_nothing_serious_on_any_screen(bench: Any, photo: bytes) -> None:
    page = bench.open()
    page.emulate_media(reduced_motion="reduce")
    page.click("#notice summary")
    assert_accessible(page, "start")
    page.set_input_files("#photo", {"name": "a.png", "mimeType": "image/png", "buffer": photo})
    page.wait_for_selector("#chips .chip")
    page.fill("#prompt", page.input_value("#prompt") + ", a girl waving, (bad, a girl waving")
    page.wait_for_selector(".findings li")
    page.locator("#hands summary").click()
    page.wait_for_selector("#hand-plan")
    page.click("#hires")
    assert_accessible(page, "spell")
    page.click("#pane-talk", force=True) if page.locator("#pane-talk").is_visible() else None
    page.fill("#message", "12 steps")
    page.press("#message", "Enter")
    page.wait_for_selector("#review")
    assert_accessible(page, "talk")
    page.click("#tab-versions")
    page.wait_for_selector("#versions li")
    assert_accessible(page, "versions")
    page.click("#generate")
    expect(page.locator("#pictures img")).to_have_count(1)
    assert_accessible(page, "pictures")
    page.locator("#pictures button").first.click()
    page.wait_for_selector("#metadata")
    assert_accessible(page, "lightbox")
    page.keyboard.press("Escape")
    page.click("#doctor")
    page.wait_for_selector("#doctor-list li", timeout=60_000)  # it imports torch
    assert_accessible(page, "doctor")
