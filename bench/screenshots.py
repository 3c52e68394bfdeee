"""Makes the README's screenshots: the real service and engine in a real browser. `python bench/screenshots.py`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))  # this folder has a service.py of its own
from service.testing import quiet_settings, running_server

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "images"
PATIENCE = 180_000  # milliseconds: the first picture loads torch
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
WIDE = {"viewport": {"width": 1360, "height": 860}}
PHONE = {"viewport": {"width": 390, "height": 844}, "locale": "zh-CN", "device_scale_factor": 2}


def start(page: Page, url: str) -> None:
    """The first screen, as somebody sees it who was never here."""
    page.goto(url)
    page.wait_for_selector("body[data-ready]")


def draw(page: Page, url: str, idea: str, turn: str) -> None:
    """An idea, a turn of chat and four pictures."""
    start(page, url)
    page.fill("#idea", idea)
    page.click("#idea-send")
    page.wait_for_selector("#spell-pane")
    if page.locator("#pane-talk").is_visible():
        page.click("#pane-talk")
    page.fill("#message", turn)
    page.press("#message", "Enter")
    page.wait_for_selector("#review")
    if page.locator("#pane-spell").is_visible():
        page.click("#pane-spell")
    page.fill("#seed", "7")
    page.locator("#count").fill("4")
    page.click("#generate")
    page.wait_for_selector(".job")
    expect(page.locator(".job")).to_have_count(0)
    expect(page.locator("#pictures li img")).to_have_count(4)
    page.evaluate("Promise.all([...document.querySelectorAll('#pictures img')].map(one => one.decode()))")
    page.evaluate("scrollTo(0, 0)")


SHOTS: dict[str, tuple[dict[str, Any], Callable[[Page, str], None]]] = {
    "start": (WIDE, start),
    "page": (WIDE, lambda page, url: draw(page, url, "a penguin on a green background", "24 steps, CFG 4")),
    "page-dark": (
        WIDE | {"color_scheme": "dark"},
        lambda page, url: draw(page, url, "粉色背景上的一座房子", "24 steps, CFG 4"),
    ),
    "page-phone": (PHONE, lambda page, url: draw(page, url, "一颗红色的心", "24 步")),
}


def shoot(browser: Browser, path: Path, options: dict[str, Any], act: Callable[[Page, str], None]) -> None:
    """One picture of the page, on a server where nothing was made before."""
    with tempfile.TemporaryDirectory() as folder, running_server(quiet_settings(Path(folder)), engine=None) as server:
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page = context.new_page()
        act(page, server.url)
        page.screenshot(path=path)
        context.close()


def main() -> int:
    """Write one PNG per view; 1 when there is no Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("no Chromium; on Debian: apt-get install chromium", file=sys.stderr)
        return 1
    OUT.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for name, (options, act) in SHOTS.items():
            shoot(browser, OUT / f"{name}.png", options, act)
            print(OUT / f"{name}.png")
        browser.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
