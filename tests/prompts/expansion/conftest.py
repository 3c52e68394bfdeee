"""A language model server on loopback: real HTTP, the OpenAI protocol with streaming, scripted replies and faults."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from prompts.expansion.openai_chat import OpenAIChat, OpenAIChatConfig

Answer = Callable[["ProtocolHandler", dict[str, Any]], None]


@dataclass
class Script:
    """What the server answers, request by request; the last answer repeats."""

    answers: list[Answer] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def say(self, *answers: Answer | str | dict[str, Any]) -> None:
        self.answers += [a if callable(a) else text(a) for a in answers]


class ProtocolHandler(BaseHTTPRequestHandler):
    """One connection; `server.script` decides what comes back."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        script: Script = self.server.script  # type: ignore[attr-defined]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        index = len(script.requests)
        script.requests.append(body)
        script.headers.append(dict(self.headers))
        answer = script.answers[min(index, len(script.answers) - 1)]
        try:
            answer(self, body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def start_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def event(self, delta: dict[str, Any], reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        self.raw(f"data: {json.dumps(chunk)}\n\n")

    def raw(self, line: str) -> None:
        self.wfile.write(line.encode())
        self.wfile.flush()

    def wait(self, seconds: float) -> None:
        """Hang until the test is over, at most `seconds`."""
        self.server.script.stopping.wait(seconds)  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        pass


def text(content: str | dict[str, Any], pieces: int = 7) -> Answer:
    """Stream `content` (an object as JSON) in several deltas."""
    whole = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)

    def answer(handler: ProtocolHandler, body: dict[str, Any]) -> None:
        handler.start_stream()
        handler.event({"role": "assistant", "content": ""})
        size = max(1, len(whole) // pieces)
        for start in range(0, len(whole), size):
            handler.event({"content": whole[start : start + size]})
        handler.event({}, "stop")
        handler.raw("data: [DONE]\n\n")

    return answer


def tool_call(content: dict[str, Any]) -> Answer:
    """Answer by calling the tool that was offered."""

    def answer(handler: ProtocolHandler, body: dict[str, Any]) -> None:
        handler.start_stream()
        arguments = json.dumps(content)
        half = len(arguments) // 2
        first = {"name": body["tools"][0]["function"]["name"], "arguments": arguments[:half]}
        handler.event({"tool_calls": [{"index": 0, "id": "t1", "type": "function", "function": first}]})
        handler.event({"tool_calls": [{"index": 0, "function": {"arguments": arguments[half:]}}]})
        handler.event({}, "tool_calls")
        handler.raw("data: [DONE]\n\n")

    return answer


def status(code: int, message: str = "no", headers: dict[str, str] | None = None) -> Answer:
    """Refuse with an HTTP status."""

    def answer(handler: ProtocolHandler, body: dict[str, Any]) -> None:
        data = json.dumps({"error": {"message": message, "type": "t", "code": "c"}}).encode()
        handler.send_response(code)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def hang(seconds: float = 30.0) -> Answer:
    """Accept the request and say nothing."""

    def answer(handler: ProtocolHandler, body: dict[str, Any]) -> None:
        handler.wait(seconds)
        handler.close_connection = True

    return answer


def cut_after(content: str) -> Answer:
    """Begin a stream and drop the connection in the middle."""

    def answer(handler: ProtocolHandler, body: dict[str, Any]) -> None:
        handler.start_stream()
        handler.event({"content": content})

    return answer


def drip(pieces: list[str], seconds: float) -> Answer:
    """A stream that never finishes in time."""

    def answer(handler: ProtocolHandler, body: dict[str, Any]) -> None:
        handler.start_stream()
        for piece in pieces:
            handler.event({"content": piece})
            handler.wait(seconds)

    return answer


def raw_body(payload: bytes, content_type: str = "text/event-stream") -> Answer:
    """Anything at all, with status 200."""

    def answer(handler: ProtocolHandler, body: dict[str, Any]) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(payload)))
        handler.end_headers()
        handler.wfile.write(payload)

    return answer


@pytest.fixture
def replies() -> SimpleNamespace:
    """The answers a server can be scripted with."""
    return SimpleNamespace(
        text=text, tool_call=tool_call, status=status, hang=hang, cut_after=cut_after, drip=drip, raw_body=raw_body
    )


@pytest.fixture
def llm() -> Iterator[Script]:
    """A running server; `llm.say(...)` scripts it, `llm.requests` shows what it was asked."""
    script = Script()
    server = ThreadingHTTPServer(("127.0.0.1", 0), ProtocolHandler)
    server.daemon_threads = True
    server.script = script  # type: ignore[attr-defined]
    script.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield script
    script.stopping.set()
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def chat_with(llm: Script) -> Callable[..., OpenAIChat]:
    """A chat model talking to `llm`, with short time-outs unless told otherwise."""

    def make(**changes: Any) -> OpenAIChat:
        values: dict[str, Any] = {
            "model": "test-model",
            "base_url": llm.url,
            "api_key": "sk-canary-123",
            "connect_seconds": 2.0,
            "first_token_seconds": 5.0,
            "whole_seconds": 10.0,
            "retries": 0,
        }
        return OpenAIChat(OpenAIChatConfig(**(values | changes)))

    return make
