from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.outbound import Outbound, Reply
from service.testing import quiet_settings, running_server
from service.webhooks import SIGNATURE_HEADER, is_genuine

SECRET = "a secret of the tests"
SPELL = {"prompt": "a boat", "params": {"steps": 2, "width": 64, "height": 64}}


class Receiver:
    """A loopback server that keeps what it is told and answers as it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.got.append(({k.casefold(): v for k, v in self.headers.items()}, body))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?x=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(autouse=True)
def quick_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow at once."""
    from service import webhook_setup
    from service.webhooks import WebhookConfig

    def quick(secret: bytes, url: str | None) -> WebhookConfig:
        return WebhookConfig(secret, url, waits_seconds=(0.0,), look_seconds=0.02)

    monkeypatch.setattr(webhook_setup, "WebhookConfig", quick)


def until(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 15
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def deliveries(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/webhooks/deliveries").json()["deliveries"]
    return found


def test_every_finished_job_is_told_signed_and_once(tmp_path: Path, receiver: Receiver) -> None:
    settings = quiet_settings(tmp_path, webhook_url=receiver.url, webhook_secret=SECRET)
    with running_server(settings) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        job = client.post("/api/jobs", json={"spell": SPELL, "count": 2}).json()
        sent = until(lambda: [d for d in deliveries(client) if d["status"] == "sent"])
        assert (sent[0]["job_id"], sent[0]["attempts"], sent[0]["answer"]) == (job["id"], 1, 204)
        body = {"prompt": "x", "steps": 1, "width": 64, "height": 64}
        assert client.post("/sdapi/v1/txt2img", json=body).status_code == 200
        until(lambda: len(receiver.got) == 2)
    headers, raw = receiver.got[0]
    message = json.loads(raw)
    assert message["event"] == "job.done"
    assert message["job"]["id"] == job["id"]
    assert [image["slot"] for image in message["job"]["images"]] == [0, 1]
    assert "a boat" not in raw.decode()
    assert headers["x-spellwright-delivery"] == message["id"]
    signature = headers[SIGNATURE_HEADER.casefold()]
    now = int(time.time())
    assert is_genuine(raw, signature, SECRET.encode(), now)
    assert not is_genuine(raw + b" ", signature, SECRET.encode(), now)
    assert not is_genuine(raw, signature, b"another", now)
    assert not is_genuine(raw, signature, SECRET.encode(), now + 301)


def test_a_failing_receiver_is_tried_five_times_then_left_and_can_be_tried_again(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answers = [500, 302, 404, 500, 500]
    settings = quiet_settings(tmp_path, webhook_url=receiver.url, webhook_secret=SECRET)
    with running_server(settings) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        client.post("/api/jobs", json={"spell": SPELL})
        dead = until(lambda: [d for d in deliveries(client) if d["status"] == "dead"])[0]
        assert (dead["attempts"], dead["answer"], len(receiver.got)) == (5, 500, 5)
        assert client.post(f"/api/webhooks/deliveries/{dead['id']}/retry").status_code == 202
        until(lambda: deliveries(client)[0]["status"] == "sent")
        assert client.post("/api/webhooks/deliveries/01AAAAAAAAAAAAAAAAAAAAAAAA/retry").status_code == 404


def test_what_was_not_told_before_a_restart_is_told_after_it(tmp_path: Path, receiver: Receiver) -> None:
    closed = "http://127.0.0.1:9/hook"
    with (
        running_server(quiet_settings(tmp_path, webhook_url=closed, webhook_secret=SECRET)) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        job = client.post("/api/jobs", json={"spell": SPELL}).json()
        until(lambda: deliveries(client)[0]["status"] == "dead")
    with (
        running_server(quiet_settings(tmp_path, webhook_url=receiver.url, webhook_secret=SECRET)) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        # It is still addressed to the old place: what was promised is not sent elsewhere.
        old = deliveries(client)[0]
        assert (old["job_id"], old["url"]) == (job["id"], closed)
        client.post("/api/jobs", json={"spell": SPELL})
        until(lambda: receiver.got)


@pytest.mark.parametrize(
    ("settings", "url", "code"),
    [
        ({}, "https://example.com/hook", "webhooks_disabled"),
        ({"webhooks_from_orders": True}, "http://example.com/hook", "url_not_allowed"),
        ({"webhooks_from_orders": True}, "https://user@example.com/", "url_not_allowed"),
        ({"webhooks_from_orders": True}, "https://example.com:22/", "url_not_allowed"),
        ({"webhooks_from_orders": True}, "https://ex\u00e4mple.com/", "url_not_allowed"),
        ({"webhooks_from_orders": True}, "https://2130706433/", "url_not_allowed"),
        ({"webhooks_from_orders": True}, "https://[::ffff:10.0.0.1]/", "url_not_allowed"),
    ],
)
def test_an_order_brings_an_address_only_where_the_operator_allows(
    tmp_path: Path, settings: dict[str, Any], url: str, code: str
) -> None:
    with running_server(quiet_settings(tmp_path, webhook_secret=SECRET, **settings)) as server:
        answer = httpx.post(f"{server.url}/api/jobs", json={"spell": SPELL, "webhook_url": url})
        assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_an_orders_address_inside_the_network_is_never_called(tmp_path: Path, receiver: Receiver) -> None:
    port = receiver.server.server_address[1]
    with (
        running_server(quiet_settings(tmp_path, webhooks_from_orders=True, webhook_secret=SECRET)) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        for url in (f"https://127.0.0.1:{port}/", "https://127.0.0.1:8443/", "https://localhost:8443/"):
            answer = client.post("/api/jobs", json={"spell": SPELL, "webhook_url": url})
            if answer.status_code == 202:
                told = until(lambda: [d for d in deliveries(client) if d["status"] == "dead"])
                assert "not allowed" in told[0]["error"]
            else:
                assert answer.json()["code"] == "url_not_allowed"
    assert receiver.got == []


def test_an_address_that_cannot_be_looked_up_stops_nobody_else_s_messages(tmp_path: Path, receiver: Receiver) -> None:
    """An empty or too long label is no OSError: it once ended the sender for everybody, after each restart anew."""
    settings = quiet_settings(
        tmp_path, webhooks_from_orders=True, webhook_url=receiver.url, webhook_secret=SECRET, webhooks_private=False
    )
    with running_server(settings) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        for odd in ("https://a..example/", f"https://{'x' * 64}.example/"):
            assert client.post("/api/jobs", json={"spell": SPELL, "webhook_url": odd}).status_code == 202
        client.post("/api/jobs", json={"spell": SPELL})
        until(lambda: receiver.got)
        until(lambda: [d["status"] for d in deliveries(client)].count("dead") == 2)


def test_a_fault_while_sending_is_that_message_s_alone(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Outbound.post

    async def faulty(self: Outbound, url: str, body: bytes, headers: Any, max_reply_bytes: int = 4096) -> Reply:
        if url.endswith("faulty"):
            raise KeyError("a bug of ours")
        return await post(self, url, body, headers, max_reply_bytes)

    monkeypatch.setattr(Outbound, "post", faulty)
    settings = quiet_settings(tmp_path, webhooks_from_orders=True, webhooks_private=True, webhook_secret=SECRET)
    with running_server(settings) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        client.post("/api/jobs", json={"spell": SPELL, "webhook_url": receiver.url + "faulty"})
        client.post("/api/jobs", json={"spell": SPELL, "webhook_url": receiver.url})
        until(lambda: receiver.got)
        dead = until(lambda: [d for d in deliveries(client) if d["status"] == "dead"])[0]
        assert "fault in this program" in dead["error"]


def test_an_orders_address_is_called_where_private_ones_are_allowed(tmp_path: Path, receiver: Receiver) -> None:
    settings = quiet_settings(tmp_path, webhooks_from_orders=True, webhooks_private=True, webhook_secret=SECRET)
    with running_server(settings) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        client.post("/api/jobs", json={"spell": SPELL, "webhook_url": receiver.url})
        client.post("/api/jobs", json={"spell": SPELL})
        until(lambda: receiver.got)
        assert len(deliveries(client)) == 1
