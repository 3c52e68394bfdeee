"""A photo read by one's own wishes, drawn, compared, and the proposed changes taken and taken back."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_photo_is_read_by_wishes_drawn_compared_and_the_proposal_accepted(bench: Any, photo: bytes) -> None:
    page = bench.open()
    page.set_input_files("#photo", {"name": "a.png", "mimeType": "image/png", "buffer": photo})
    page.click("#photo-options")
    page.select_option("#wish-mode", "tags")
    page.select_option("#wish-target", "prose")
    page.fill("#wish-tokens", "20")
    page.fill("#wish-blocked", "gift, cat")
    page.locator("label", has=page.locator("#wish-artists")).click()
    page.locator("label", has=page.locator("#wish-brands")).click()
    with page.expect_response("**/api/interrogations") as answered:
        page.click("#read-again")
    asked = answered.value.json()["asked"]
    assert asked == {
        "target": "prose", "artists": False, "brands": False, "blocked": ["cat", "gift"], "lists": [],
        "max_tokens": 20,
    }  # fmt: skip
    expect(page.locator("dialog")).to_have_count(0)

    page.click("#photo-options")
    expect(page.locator("#wish-blocked")).to_have_value("gift, cat")
    page.select_option("#wish-mode", "fast")
    page.click("#round-trip")
    told = page.locator("#round-trip-told")
    expect(told).to_contain_text("of the colours agree", timeout=60_000)
    expect(told.locator(".diff li").first).to_be_visible()
    page.click("#accept-proposal")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator("#spell-version")).to_have_text("version 2")
    spell = page.evaluate("location.hash.match(/spell=(\\w+)/)[1]")
    lines = page.request.get(f"{bench.url}/api/spells/{spell}/diff?old=1&new=2").json()["lines"]
    assert lines
    expect(page.locator("#pictures img")).to_have_count(1)
    page.click("#undo")
    expect(page.locator("#spell-version")).to_have_text("version 3")
    assert page.request.get(f"{bench.url}/api/spells/{spell}/diff?old=1&new=3").json()["lines"] == []


@pytest.mark.parametrize("bench", [{"viewport": {"width": 360, "height": 740}, "locale": "zh-CN"}], indirect=True)
def test_on_a_phone_nothing_of_a_photo_is_wider_than_the_screen(bench: Any, photo: bytes) -> None:
    page = bench.open()
    page.set_input_files("#photo", {"name": "a.png", "mimeType": "image/png", "buffer": photo})
    page.wait_for_selector("#chips .chip")
    page.locator("#chips .chip").last.focus()
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) <= 0
    page.click("#photo-options")
    page.wait_for_selector("#wishes")
    box = page.locator("dialog").bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 360
    assert page.evaluate(
        "document.querySelector('.dialog-box').scrollWidth <= document.querySelector('.dialog-box').clientWidth"
    )
