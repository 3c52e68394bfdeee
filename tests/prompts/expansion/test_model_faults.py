"""What a language model's server can do wrong, by the SDK and real sockets: a typed error in bounded time and room.

Faults F07 (late, refusing, unreachable) and F08 (garbage, cut, endless) of the fault table.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from typing import Any

import pytest
from pydantic import BaseModel

from prompts.errors import ChatModelError, ChatModelInvalidOutput, ChatModelTimeout, ChatModelUnreachable
from prompts.expansion.chat_model import Message
from prompts.expansion.json_text import whole_text

ASK = [Message("user", "Which fruit?")]
MOST_SENT = 64 * 2**20  # what may be on its way in buffers when the reader hangs up


class Berry(BaseModel):
    """A berry."""

    name: str


def asked(chat: Any) -> Berry | ChatModelError:
    """The answer, or the typed error; anything else goes through."""

    async def work() -> Berry | ChatModelError:
        try:
            return await chat.complete(ASK, Berry)  # type: ignore[no-any-return]
        except ChatModelError as failed:
            return failed
        finally:
            await chat.close()

    return asyncio.run(work())


def one_event(delta: Any) -> bytes:
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta, 'finish_reason': None}]})}\n\n".encode()


GARBAGE = {
    "text that is a list": one_event({"content": ["a"]}),
    "text that is an object": one_event({"content": {"a": 1}}),
    "text that is a number": one_event({"content": 5}),
    "arguments that are a number": one_event({"tool_calls": [{"index": 0, "function": {"arguments": 5}}]}),
    "a tool call that is text": one_event({"tool_calls": "x"}),
    "an event nested deeply": b"data: " + b"[" * 200_000 + b"\n\n",
    "a delta nested deeply": b'data: {"choices":[{"delta":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_003,
    "numbers that are none": b'data: {"choices":[{"delta":NaN}]}\n\n',
    "choices that are an object": b'data: {"choices":{"a":1}}\n\n',
    "an event of another kind": b"event: thread.run.failed\ndata: {}\n\n",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_in_a_stream_is_a_typed_error(llm: Any, chat_with: Any, replies: Any, name: str) -> None:
    llm.say(replies.raw_body(GARBAGE[name] + one_event({}) + b"data: [DONE]\n\n"))
    assert isinstance(asked(chat_with()), ChatModelError)


@pytest.mark.parametrize("end", [b"", b'data: {"choices": [{"del', b"data: [DONE]\n\n"])
def test_a_stream_that_ends_without_its_reason_is_never_an_answer(
    llm: Any, chat_with: Any, replies: Any, end: bytes
) -> None:
    llm.say(replies.raw_body(one_event({"content": '{"name": "pear"}'}) + end))
    result = asked(chat_with())
    assert isinstance(result, ChatModelError)
    assert "broke off" in result.detail


def test_repeated_pieces_and_an_odd_role_do_no_harm(llm: Any, chat_with: Any) -> None:
    def odd(handler: Any, body: dict[str, Any]) -> None:
        handler.start_stream()
        for piece in ('{"name": ', '"fig"}', '"fig"}'):
            handler.event({"role": "system", "content": piece})
        handler.event({}, "stop")
        handler.event({}, "stop")

    llm.say(odd)
    assert asked(chat_with()) == Berry(name="fig")


@pytest.mark.parametrize(
    ("text", "whole"),
    [("pear", "pear"), ("a\ud800b", "a\ufffdb"), ("\ude00", "\ufffd"), ("\ud83d\ude00", "😀"), ("a\0b", "a\ufffdb")],
)
def test_half_a_character_is_replaced_and_two_halves_are_joined(
    llm: Any, chat_with: Any, text: str, whole: str
) -> None:
    assert whole_text(text) == whole
    llm.say(json.dumps({"name": text}))
    assert asked(chat_with()) == Berry(name=whole)


def endless(head: str, piece: bytes, sent: list[int]) -> Any:
    """Answers for ever, and counts what it could send before the reader hung up."""

    def answer(handler: Any, body: dict[str, Any]) -> None:
        sent.append(0)
        handler.wfile.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        handler.close_connection = True
        while sent[-1] <= 2 * MOST_SENT:
            handler.wfile.write(piece)
            sent[-1] += len(piece)

    return answer


STREAM = "HTTP/1.1 200 OK\nContent-Type: text/event-stream\nConnection: close"
ENDLESS = {
    "a line": (STREAM, b"data: " + b"x" * 65536),
    "an event": (STREAM, b'data: {"choices": []}\n' * 4000),
    "a web page": ("HTTP/1.1 200 OK\nContent-Type: text/html\nConnection: close", b"<p>" * 20_000),
    "a refusal": ("HTTP/1.1 400 No\nContent-Type: application/json\nConnection: close", b"x" * 65536),
    "a fault": ("HTTP/1.1 500 No\nContent-Type: application/json\nConnection: close", b"x" * 65536),
    "a redirect": ("HTTP/1.1 307 Go\nLocation: /v1/x\nConnection: close", b"x" * 65536),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_answer_without_end_is_not_read_to_its_end(llm: Any, chat_with: Any, name: str) -> None:
    sent: list[int] = []
    llm.say(endless(*ENDLESS[name], sent))
    assert isinstance(asked(chat_with(whole_seconds=60.0, first_token_seconds=60.0)), ChatModelError)
    assert sent and max(sent) < MOST_SENT


def test_a_compressed_answer_is_neither_asked_for_nor_unpacked(llm: Any, chat_with: Any) -> None:
    bomb = gzip.compress(b"data: " + b"\0" * 30_000_000)

    def answer(handler: Any, body: dict[str, Any]) -> None:
        head = STREAM + f"\nContent-Encoding: gzip\nContent-Length: {len(bomb)}"
        handler.wfile.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + bomb)
        handler.close_connection = True

    llm.say(answer)
    assert isinstance(asked(chat_with()), ChatModelError)
    assert {name.lower(): value for name, value in llm.headers[0].items()}["accept-encoding"] == "identity"


def test_a_server_that_wants_tls_or_speaks_none_is_unreachable(llm: Any, chat_with: Any) -> None:
    llm.say({"name": "pear"})
    result = asked(chat_with(base_url=llm.url.replace("http:", "https:")))
    assert isinstance(result, ChatModelUnreachable)


@pytest.mark.parametrize("wait", ["3600", "nan", "-5", "Wed, 21 Oct 2099 07:28:00 GMT", "x" * 500])
def test_no_wish_to_wait_longer_is_granted(llm: Any, chat_with: Any, replies: Any, wait: str) -> None:
    llm.say(replies.status(429, headers={"Retry-After": wait}))
    began = time.monotonic()
    result = asked(chat_with(retries=1))
    assert isinstance(result, ChatModelUnreachable | ChatModelTimeout)
    assert time.monotonic() - began < 5


def test_a_wait_the_server_wishes_ends_at_the_first_token_limit(llm: Any, chat_with: Any, replies: Any) -> None:
    llm.say(replies.status(429, headers={"Retry-After": "30"}))
    began = time.monotonic()
    assert isinstance(asked(chat_with(retries=2, first_token_seconds=0.5)), ChatModelTimeout)
    assert time.monotonic() - began < 3


def test_the_key_does_not_follow_a_redirect_to_another_origin(llm: Any, chat_with: Any, replies: Any) -> None:
    def elsewhere(handler: Any, body: dict[str, Any]) -> None:
        handler.send_response(307)
        handler.send_header("Location", llm.url.replace("127.0.0.1", "localhost") + "/chat/completions")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    llm.say(elsewhere, {"name": "pear"})
    asked(chat_with())
    keys = [{name.lower() for name in headers} & {"authorization"} for headers in llm.headers]
    assert keys == [{"authorization"}, set()]


def test_an_answer_that_is_too_large_is_told_as_such(llm: Any, chat_with: Any) -> None:
    sent: list[int] = []
    llm.say(endless(*ENDLESS["a line"], sent))
    result = asked(chat_with())
    assert isinstance(result, ChatModelInvalidOutput)
    assert "too long" in result.detail
