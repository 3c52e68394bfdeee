"""A real Chromium in front of a real server with the engine's double."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from generator.testing import FakeEngine
from service.testing import quiet_settings, running_server

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@dataclass
class Bench:
    """The page under test, what it complained about, and the engine's brake."""

    page: Page
    url: str
    free: threading.Event
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        # A refused request shows up as an error line of the browser itself; the page shows it to the person.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.complaints.append(f"left the origin: {request.url}")

    def open(self, hash_part: str = "") -> None:
        self.page.goto(self.url + "/" + hash_part)
        self.page.wait_for_selector("body[data-ready]")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser per module, not per session: Playwright keeps an event loop running while it is open."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def bench(browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A fresh server and page; `@pytest.mark.parametrize("bench", [{...}], indirect=True)` sets the context."""
    free = threading.Event()
    free.set()
    options = {"locale": "en-US", "viewport": {"width": 1280, "height": 900}} | getattr(request, "param", {})

    def engine() -> FakeEngine:
        return FakeEngine(before_step=lambda: free.wait(30) and None)

    with running_server(quiet_settings(tmp_path), engine) as server:
        context = browser.new_context(**options)
        context.set_default_timeout(15_000)
        page = context.new_page()
        made = Bench(page, server.url, free)
        made.watch(page)
        yield made
        free.set()
        context.close()
    assert made.complaints == []
