"""A real Chromium in front of a real server with the engine's double."""

from __future__ import annotations

import io
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, expect, sync_playwright

from generator.testing import FakeEngine
from service.assembly import BuildEngine
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
    data_dir: Path
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", self._request)
        page.on("dialog", self._dialog)

    def _console(self, message: ConsoleMessage) -> None:
        # A refused request shows up as an error line of the browser itself; the page shows it to the person.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.complaints.append(f"left the origin: {request.url}")

    def open(self, hash_part: str = "") -> Page:
        self.page.goto(self.url + "/" + hash_part)
        self.page.wait_for_selector("body[data-ready]")
        return self.page

    def write(self, prompt: str = "a cat") -> Page:
        """The workbench with a prompt of one's own in it, small and quick."""
        page = self.open()
        page.click("#write")
        page.fill("#prompt", prompt)
        page.fill("#width", "64")
        page.fill("#height", "64")
        page.fill("#steps", "4")
        return page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser per module, not per session: Playwright keeps an event loop running while it is open."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine; on Debian: apt-get install chromium")
    expect.set_options(timeout=20_000)  # the first question of a process reads tables; machines may be busy
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A picture that says nothing about itself."""
    encoded = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((160, 120)).save(encoded, "PNG")
    return encoded.getvalue()


def brake(free: threading.Event) -> BuildEngine:
    """An engine's double that waits while `free` is not set."""

    def wait() -> None:
        free.wait(30)

    return lambda: FakeEngine(before_step=wait)


@pytest.fixture
def bench(browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A fresh server and page; `@pytest.mark.parametrize("bench", [{...}], indirect=True)` sets the context."""
    free = threading.Event()
    free.set()
    options = {"locale": "en-US", "viewport": {"width": 1280, "height": 900}} | getattr(request, "param", {})

    settings = options.pop("settings", {})
    with running_server(quiet_settings(tmp_path, **settings), brake(free)) as server:
        context = browser.new_context(**options)
        context.set_default_timeout(20_000)
        page = context.new_page()
        made = Bench(page, server.url, free, tmp_path)
        made.watch(page)
        yield made
        free.set()
        context.close()
    assert made.complaints == []
