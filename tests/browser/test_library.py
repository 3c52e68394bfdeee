"""What was made before is found again, and what the chat offers is a press away."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Route, expect

pytestmark = pytest.mark.browser


def test_spells_of_before_are_found_by_words_and_opened(bench: Any) -> None:
    page = bench.open()
    for prompt in ("a green dragon", "a lighthouse by the sea"):
        body = {"spell": {"prompt": prompt}}
        assert page.request.post(f"{bench.url}/api/spells", data=body, headers={"origin": bench.url}).ok
    page.click("#library")
    found = page.locator("#library-list li")
    expect(found).to_have_count(2)
    page.fill("#library-find", "dragon")
    expect(found).to_have_count(1)
    found.get_by_role("button").click()
    expect(page.locator("#prompt")).to_have_value("a green dragon")
    expect(page.locator("dialog")).to_have_count(0)


def test_what_an_answer_offers_by_number_becomes_buttons_and_the_text_streams(bench: Any) -> None:
    page = bench.write("a cat")
    page.fill("#message", "8 steps")
    page.press("#message", "Enter")
    page.wait_for_selector("#review")

    def answer(route: Route) -> None:
        spell = page.request.get(f"{bench.url}/api/spells/{route.request.url.split('/')[-2]}").json()
        turn = spell["turns"][-1] | {"number": 9, "reply": "Two ways:\n1. snow on the roof\n2. a red umbrella"}
        told = {
            "version": spell["head"], "turn": turn, "is_changed": False, "understood": True, "edits": [],
            "diff": {}, "is_proposal": False,
        }  # fmt: skip
        events = f'event: delta\ndata: {{"text": "Two"}}\n\nevent: version\ndata: {json.dumps(told)}\n\n'
        route.fulfill(status=200, content_type="text/event-stream", body=events)

    page.route("**/chat", answer)
    page.fill("#message", "what could I do?")
    page.press("#message", "Enter")
    expect(page.locator(".suggestion")).to_have_text(["snow on the roof", "a red umbrella"])
    expect(page.locator(".turn .reply").last).to_contain_text("Two ways")
