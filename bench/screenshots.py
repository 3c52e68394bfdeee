"""Makes the README's screenshots: the real service and engine in a real browser. `python bench/screenshots.py`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from service.testing import quiet_settings, running_server

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "images"
PHOTO = ROOT / "service" / "sample" / "cat.jpg"
PATIENCE = 180_000  # milliseconds: the first picture loads torch
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
VIEWS = {
    "page": {"viewport": {"width": 1280, "height": 800}},
    "page-dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "page-phone": {"viewport": {"width": 390, "height": 844}, "locale": "zh-CN"},
}


def fill(page: Page, url: str) -> None:
    """The three uses, up to finished pictures."""
    page.goto(url)
    page.wait_for_selector("body[data-ready]")
    page.set_input_files("#photo", PHOTO)
    page.wait_for_selector("#chips button")
    page.fill("#idea", "粉色背景上的一座房子")
    page.click("#idea-send")
    expect(page.locator("#prompt")).to_have_value("a house on a pink background")
    page.fill("#message", "24 steps, CFG 4")
    page.press("#message", "Enter")
    page.wait_for_selector(".diff")
    page.fill("#seed", "7")
    page.fill("#count", "4")
    page.click("#generate")
    page.wait_for_selector("#pictures li:nth-child(4) img")
    expect(page.locator("#cancel")).to_be_hidden()


def main() -> int:
    """Write one PNG per view; 1 when there is no Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("no Chromium; on Debian: apt-get install chromium", file=sys.stderr)
        return 1
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        with running_server(quiet_settings(Path(folder)), engine=None) as server:
            for name, options in VIEWS.items():
                context = browser.new_context(**options)
                context.set_default_timeout(PATIENCE)
                expect.set_options(timeout=PATIENCE)
                page = context.new_page()
                fill(page, server.url)
                page.screenshot(path=OUT / f"{name}.png", full_page=True)
                print(OUT / f"{name}.png")
                context.close()
        browser.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
