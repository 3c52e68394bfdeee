"""A hub that is not what it should be: names that lead inside, answers without end. A real server on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from generator.errors import DownloadFailed
from generator.models import download, guarded
from generator.models.download import KnownFile, fetch_file
from generator.models.guarded import Guard

Answer = Callable[[BaseHTTPRequestHandler], None]


class OddHub(ThreadingHTTPServer):
    daemon_threads = True
    answer: Answer
    asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class OddHandler(BaseHTTPRequestHandler):
    server: OddHub

    def do_GET(self) -> None:
        self.server.asked += 1
        self.close_connection = True
        with suppress(OSError):  # the client hangs up, as it should
            type(self.server).answer(self)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def hub(request: pytest.FixtureRequest) -> Iterator[OddHub]:
    made = type("Hub", (OddHub,), {"answer": request.param})(("127.0.0.1", 0), OddHandler)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join(5)


def head(handler: BaseHTTPRequestHandler, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def endless(handler: BaseHTTPRequestHandler) -> None:
    head(handler)
    while True:
        handler.wfile.write(b" " * 1_000_000)


def dripping(handler: BaseHTTPRequestHandler) -> None:
    head(handler)
    while True:
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.02)


def lying(handler: BaseHTTPRequestHandler) -> None:
    head(handler, Content_Length=str(10**13))
    handler.wfile.write(b"x")


def zipped(handler: BaseHTTPRequestHandler) -> None:
    head(handler, Content_Encoding="gzip", Content_Length="4")
    handler.wfile.write(b"\x1f\x8b\x08\x00")


def redirecting(handler: BaseHTTPRequestHandler) -> None:
    head(handler, 302, Location="https://metadata.example/latest", Content_Length="0")


@pytest.mark.parametrize(
    ("hub", "words"),
    [(endless, "too much"), (dripping, "too slowly"), (zipped, "not answer in JSON"), (redirecting, "answered 302")],
    indirect=["hub"],
)
def test_what_a_hub_says_is_read_to_a_limit_and_never_followed(
    hub: OddHub, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "_WHOLE_SECONDS", 0.3)
    with pytest.raises(DownloadFailed, match=words):
        Guard(hub.url).json(f"{hub.url}/api")
    assert hub.asked == 1


@pytest.mark.parametrize("hub", [endless, lying], indirect=True)
def test_a_file_that_is_far_larger_than_it_should_be_does_not_fill_the_disk(
    hub: OddHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_SLACK_BYTES", 1_000_000)
    with pytest.raises(DownloadFailed, match="far more"):
        fetch_file(f"{hub.url}/x", tmp_path / "x.safetensors", KnownFile("x.safetensors", 1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "answers", [["127.0.0.1"], ["93.184.216.34", "169.254.169.254"], ["::ffff:10.0.0.1"], ["fec0::1"], []]
)
def test_a_hub_s_redirect_to_a_name_that_leads_inside_is_not_followed(answers: list[str]) -> None:
    with pytest.raises(DownloadFailed) as refused:
        Guard("https://hub.example", resolve=lambda _host, _port: answers).json("https://cdn.hub.example/x")
    assert refused.value.stable_code == "url_not_allowed"


@pytest.mark.parametrize("host", ["a..example", "x" * 64 + ".example", "%00"])
def test_a_name_that_cannot_be_looked_up_is_told(host: str) -> None:
    with pytest.raises(DownloadFailed, match="not known"):
        Guard("https://hub.example").json(f"https://{host}/x")


def test_a_name_is_looked_up_once_and_its_second_answer_never_asked_for() -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    guard = Guard("http://localhost:9", resolve=resolve)  # loopback is allowed to this one; nobody listens there
    with pytest.raises(DownloadFailed, match="cannot be reached"):
        guard.json("http://localhost:9/x")
    assert asked == ["localhost"]
