"""The page's first load: bytes, requests, and time to interactive on a slowed CPU. `python bench/page.py`.

Chromium opens the page with an empty cache. Bytes are what Chromium counted on the wire, headers included. Interactive
is the moment from which the start screen is drawn and answers a key press; the least disturbed round is judged, for
other work on the machine only adds. Ends with 1 when a limit is broken.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))  # this folder has a service.py of its own
from service.testing import quiet_settings, running_server

BYTES, REQUESTS, SECONDS = 200 * 1024, 15, 1.0
SLOWER = 4
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@dataclass(frozen=True, slots=True)
class Load:
    """One first load."""

    bytes: int
    requests: int
    interactive: float
    """Seconds from the start of the navigation."""


def load(browser: Browser, url: str, locale: str, slower: int) -> Load:
    """Open the page as somebody does who was never here."""
    context = browser.new_context(locale=locale, viewport={"width": 390, "height": 844})
    page = context.new_page()
    chromium = context.new_cdp_session(page)
    sizes: dict[str, int] = {}
    chromium.on("Network.requestWillBeSent", lambda event: sizes.setdefault(event["requestId"], 0))
    chromium.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    chromium.send("Network.enable")
    chromium.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    page.goto(url, wait_until="commit")
    page.wait_for_selector("#idea")
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    page.evaluate("document.getElementById('idea').focus()")
    page.keyboard.press("a")
    seconds = page.evaluate("document.getElementById('idea').value === 'a' ? performance.now() / 1000 : NaN")
    page.wait_for_selector("body[data-ready]")
    page.wait_for_load_state("networkidle")
    context.close()
    return Load(sum(sizes.values()), len(sizes), seconds)


def main() -> int:
    """Print the figures; 1 when a limit is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("no Chromium; on Debian: apt-get install chromium", file=sys.stderr)
        return 1
    is_good = True
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(quiet_settings(Path(folder))) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        load(browser, server.url, "en-US", 1)  # the server's own first time is bench/startup.py's
        for locale in ("en-US", "zh-CN"):
            loads = [load(browser, server.url, locale, SLOWER) for _ in range(rounds)]
            size, requests = max(one.bytes for one in loads), max(one.requests for one in loads)
            seconds = statistics.median(one.interactive for one in loads)
            best = min(one.interactive for one in loads)
            print(
                f"{locale}: {size / 1024:.0f} KiB in {requests} requests; interactive after {seconds:.2f} s "
                f"(median of {rounds}, best {best:.2f}) on a CPU slowed {SLOWER} times"
            )
            is_good = is_good and size <= BYTES and requests <= REQUESTS and best <= SECONDS
        browser.close()
    print(f"load average {os.getloadavg()[0]:.1f}; limits: {BYTES // 1024} KiB, {REQUESTS} requests, {SECONDS:g} s")
    return 0 if is_good else 1


if __name__ == "__main__":
    raise SystemExit(main())
