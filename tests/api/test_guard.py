from __future__ import annotations

import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from service.api.guard import allowed_hosts
from service.testing import quiet_settings, running_server

POST = b"POST /api/spells HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "host", ["evil.com", "localhost.evil.com", "127.0.0.1.evil.com", "a/b", "", "[::2]", "127.0.0.1:x"]
)
def test_another_host_name_is_421_on_every_kind_of_route(api: httpx.Client, host: str) -> None:
    for path in ("/", "/api/jobs", "/healthz", "/static/app.js"):
        answer = api.get(path, headers={"host": host})
        assert (answer.status_code, answer.json()["code"]) == (421, "host_not_allowed")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1234", "127.0.0.1", "[::1]:7860"])
def test_loopback_names_are_served_with_any_port(api: httpx.Client, host: str) -> None:
    assert api.get("/healthz", headers={"host": host}).status_code == 200


def test_public_hosts_are_served_and_the_wildcard_address_is_no_name() -> None:
    assert allowed_hosts("0.0.0.0", ("art.example",)) == {"localhost", "127.0.0.1", "[::1]", "art.example"}
    assert "10.0.0.5" in allowed_hosts("10.0.0.5", ())
    assert "[fe80::1]" in allowed_hosts("fe80::1", ())


def test_two_host_headers_are_refused(api: httpx.Client) -> None:
    answer = raw(api, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.com\r\n\r\n")
    assert answer.split(b"\r\n")[0].split()[1] in (b"400", b"421")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.com"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://127.0.0.1.evil.com"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/jobs"), ("DELETE", "/api/jobs/x"), ("POST", "/api/spells"), ("POST", "/api/generate"),
        ("POST", "/api/interrogations"), ("POST", "/api/inspect"), ("PATCH", "/"), ("PUT", "/api/spells/x"),
    ],
)  # fmt: skip
def test_a_page_of_another_site_can_change_nothing(
    api: httpx.Client, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = api.request(method, path, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_rejected")


def test_our_own_page_and_programs_may(api: httpx.Client) -> None:
    own = {"origin": str(api.base_url).rstrip("/"), "sec-fetch-site": "same-origin"}
    assert api.post("/api/spells", json={"idea": "a cat"}, headers=own).status_code == 201
    assert api.post("/api/spells", json={"idea": "a cat"}).status_code == 201


@pytest.mark.parametrize("path", ["/", "/docs", "/api/catalogue", "/nope", "/static/app.js", "/openapi.json"])
def test_every_answer_carries_the_security_headers(api: httpx.Client, path: str) -> None:
    headers = api.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def raw(api: httpx.Client, head: bytes, body: list[bytes] | None = None, pause: float = 0.0) -> bytes:
    """Send bytes as they are and read until the server closes."""
    place = urlsplit(str(api.base_url))
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=20) as wire:
        wire.sendall(head)
        try:
            for piece in body or []:
                wire.sendall(piece)
                time.sleep(pause)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server has answered and closed already
        wire.settimeout(5)
        got = b""
        try:
            while piece := wire.recv(65536):
                got += piece
        except (TimeoutError, ConnectionResetError):
            pass
    return got


def test_a_body_without_a_declared_length_is_cut_off_at_the_limit(api: httpx.Client) -> None:
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    answer = raw(api, head, [chunk] * 40)
    assert b" 413 " in answer.split(b"\r\n")[0] and b"body_too_large" in answer


def test_a_length_that_is_no_number_is_refused(api: httpx.Client) -> None:
    head = (
        b"POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ten\r\n\r\n"
    )
    assert raw(api, head).split()[1] in (b"400", b"422")


def test_an_upload_that_stands_still_is_ended_with_408(tmp_path: Path) -> None:
    settings = quiet_settings(tmp_path, body_idle_seconds=0.3)
    with running_server(settings) as server, httpx.Client(base_url=server.url) as client:
        answer = raw(client, POST + b"Content-Length: 100\r\n\r\n{")
    assert b" 408 " in answer.split(b"\r\n")[0] and b"body_timeout" in answer


def test_an_origin_that_is_no_address_is_refused_and_not_a_fault(api: httpx.Client) -> None:
    assert api.post("/api/spells", json={"idea": "a cat"}, headers={"Origin": "http://["}).status_code == 403


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/api/jobs", b'"code": "key_missing"'),
        ("/sdapi/v1/img2img", b'"detail"'),
        ("/v1/images/edits", b'"error"'),
        ("/api/keys", b'"code": "key_missing"'),
    ],
)
def test_a_stranger_s_body_is_not_read(tmp_path: Path, path: str, told: bytes) -> None:
    settings = quiet_settings(tmp_path, api_key="a key of sixteen letters", body_idle_seconds=20)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
    with running_server(settings) as server, httpx.Client(base_url=server.url) as client:
        began = time.monotonic()
        answer = raw(client, head.encode() + b"Content-Length: 900000\r\n\r\n{")
        # The answer came although the body never did: nobody waited for it.
        assert b" 401 " in answer.split(b"\r\n")[0] and told in answer
        assert time.monotonic() - began < 15


def test_an_admitted_request_is_counted_once(tmp_path: Path) -> None:
    settings = quiet_settings(tmp_path, api_key="a key of sixteen letters", requests_per_minute=4)
    own = {"authorization": "Bearer a key of sixteen letters"}
    with running_server(settings) as server, httpx.Client(base_url=server.url) as client:
        made = client.post("/api/keys", json={"name": "ann", "tenant": "ann"}, headers=own).json()["key"]
        ann = {"authorization": f"Bearer {made}"}
        states = [client.post("/api/spells", json={"idea": "a cat"}, headers=ann).status_code for _ in range(3)]
    assert states == [201, 201, 201]
