"""Everything without a mouse."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def tab_to(page: Page, wanted: str, most: int = 60) -> None:
    """Press Tab until the focus is on an element that matches `wanted`."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", wanted):
            return
    raise AssertionError(f"Tab never came to {wanted}")


def test_from_the_first_screen_to_the_picture_by_keyboard_alone(bench: Any) -> None:
    page = bench.open()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    tab_to(page, "#idea")
    page.keyboard.type("a red heart")
    page.keyboard.press("Enter")
    page.wait_for_selector("#spell-pane")
    tab_to(page, "#message")
    page.keyboard.type("8 steps")
    page.keyboard.press("Enter")
    page.wait_for_selector("#review")
    tab_to(page, "#mode-chips")
    page.keyboard.press("Space")
    tab_to(page, ".chip")
    page.keyboard.press("Control+ArrowUp")
    expect(page.locator("#prompt")).to_have_value("(a red heart:1.1)")
    tab_to(page, "#prompt")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#pictures img")).to_have_count(1)
    tab_to(page, ".thumb")
    page.keyboard.press("Enter")
    page.wait_for_selector("#metadata")
    tab_to(page, "#use")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator(".thumb")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    tab_to(page, "#copy, .menu button", 90)
    page.keyboard.press("Enter")
    expect(page.locator("[role=menuitem]").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(page.locator("[role=menu]")).to_have_count(0)
