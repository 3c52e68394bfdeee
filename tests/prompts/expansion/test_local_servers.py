"""Finding language model servers on loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from prompts.expansion.local_servers import LocalServer, find_local_servers


@pytest.fixture
def port_answering() -> Iterator[object]:
    """Start servers that answer GET /v1/models with a status and a body; gives their port."""
    servers = []

    def start(status: int, body: bytes, location: str = "") -> int:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status if self.path == "/v1/models" else 500)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        return int(server.server_address[1])

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def find(port: int) -> tuple[LocalServer, ...]:
    return asyncio.run(find_local_servers([("Test", port)], seconds=2))


def test_a_server_is_found_with_the_models_it_lists(port_answering: Any) -> None:
    port = port_answering(200, b'{"object": "list", "data": [{"id": "qwen3:4b"}, {"id": 5}, "x"]}')
    assert find(port) == (LocalServer("Test", f"http://127.0.0.1:{port}/v1", ("qwen3:4b",)),)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"{}"),
        (500, b""),
        (200, b"<html>"),
        (200, b"{}"),
        (200, b'{"data": 5}'),
        (200, b'{"data": [' + b"1," * 200_000),
    ],
)
def test_what_is_no_such_server_is_passed_over(port_answering: Any, status: int, body: bytes) -> None:
    assert find(port_answering(status, body)) == ()


def test_a_redirect_is_not_followed(port_answering: Any) -> None:
    there = port_answering(200, b'{"data": [{"id": "evil"}]}')
    assert find(port_answering(302, b"", f"http://127.0.0.1:{there}/v1/models")) == ()


def test_nobody_listening_is_no_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert find(port) == ()
