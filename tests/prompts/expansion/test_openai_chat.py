"""The openai adapter against a real server on loopback."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from prompts.errors import ChatModelError, ChatModelInvalidOutput, ChatModelTimeout, ChatModelUnreachable
from prompts.expansion.breaker import CircuitBreaker
from prompts.expansion.chat_model import Message
from prompts.expansion.openai_chat import OpenAIChat, OpenAIChatConfig

ASK = [Message("system", "Name a fruit."), Message("user", "Which?")]


class Fruit(BaseModel):
    """A fruit."""

    name: str
    count: int = 1


def complete(chat: OpenAIChat, **kwargs: Any) -> Fruit:
    async def work() -> Fruit:
        try:
            return await chat.complete(ASK, Fruit, **kwargs)
        finally:
            await chat.close()

    return asyncio.run(work())


def streamed(chat: OpenAIChat) -> list[str]:
    async def work() -> list[str]:
        try:
            return [piece async for piece in chat.stream(ASK)]
        finally:
            await chat.close()

    return asyncio.run(work())


def test_a_structured_answer_is_asked_for_as_a_strict_json_schema_and_comes_back_typed(
    llm: Any, chat_with: Any
) -> None:
    llm.say({"name": "pear", "count": 3})
    assert complete(chat_with()) == Fruit(name="pear", count=3)
    request = llm.requests[0]
    shape = request["response_format"]["json_schema"]
    assert shape["strict"] is True
    assert shape["schema"]["required"] == ["name", "count"]
    assert shape["schema"]["additionalProperties"] is False
    assert request["model"] == "test-model" and request["stream"] is True
    assert request["messages"][0] == {"role": "system", "content": "Name a fruit."}


def test_text_is_streamed_piece_by_piece_in_order(llm: Any, chat_with: Any) -> None:
    llm.say("pears are green")
    pieces = streamed(chat_with())
    assert "".join(pieces) == "pears are green" and len(pieces) > 3


def test_raw_text_of_a_structured_answer_is_passed_on_while_it_arrives(llm: Any, chat_with: Any) -> None:
    llm.say({"name": "pear", "count": 3})
    seen: list[str] = []
    complete(chat_with(), on_text=seen.append)
    assert json.loads("".join(seen)) == {"name": "pear", "count": 3} and len(seen) > 3


def test_a_server_that_refuses_json_schema_is_asked_by_tool_call_and_that_is_remembered(
    llm: Any, chat_with: Any, replies: Any
) -> None:
    llm.say(replies.status(400, "response_format unsupported"), replies.tool_call({"name": "fig", "count": 2}))

    async def twice() -> tuple[Fruit, Fruit]:
        chat = chat_with()
        first, second = await chat.complete(ASK, Fruit), await chat.complete(ASK, Fruit)
        await chat.close()
        return first, second

    assert asyncio.run(twice()) == (Fruit(name="fig", count=2), Fruit(name="fig", count=2))
    assert ["response_format" in r for r in llm.requests] == [True, False, False]
    assert llm.requests[2]["tools"][0]["function"]["name"] == "answer"


def test_a_server_that_knows_neither_schema_nor_tools_is_asked_in_plain_words(
    llm: Any, chat_with: Any, replies: Any
) -> None:
    llm.say(replies.status(400), replies.status(422), 'Sure! Here it is:\n```json\n{"name": "plum"}\n```\nEnjoy.')
    assert complete(chat_with()).name == "plum"
    last = llm.requests[2]
    assert "tools" not in last and "response_format" not in last
    assert '"name"' in last["messages"][0]["content"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"name": "kiwi"}', "kiwi"),
        ('<think>{"name": "wrong"}</think>{"name": "kiwi"}', "kiwi"),
        ('text {not json} {"name": "kiwi"} more', "kiwi"),
        ('```\n{"name": "kiwi", "count": 2, "extra": 1}\n```', "kiwi"),
    ],
)
def test_the_json_object_is_found_in_what_models_write_around_it(
    llm: Any, chat_with: Any, content: Any, expected: Any
) -> None:
    llm.say(content)
    assert complete(chat_with()).name == expected


@pytest.mark.parametrize(
    "content",
    [
        "",
        "I cannot help with that.",
        "null",
        "[]",
        '["name"]',
        '{"name": 5}',
        '{"count": 1}',
        '{"name": "a", "count": NaN}',
        '{"name": "a", "count": Infinity}',
        '{"name": "a", "count": "many"}',
        '{"name": "a"',
        "{'name': 'a'}",
        "{" * 5000,
        '{"name":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"a":' * 200 + "1" + "}" * 200,
        "```json\n{\n```",
        "\x00\x01\x02",
        '{"name": null, "count": null}',
    ],
)
def test_an_answer_of_the_wrong_shape_is_invalid_output(llm: Any, chat_with: Any, content: Any) -> None:
    llm.say(content)
    with pytest.raises(ChatModelInvalidOutput) as caught:
        complete(chat_with(reply_characters=500_000))
    assert caught.value.stable_code == "llm_invalid_output"


def test_an_answer_that_grows_too_long_is_cut_off(llm: Any, chat_with: Any) -> None:
    llm.say("x" * 200_000)
    with pytest.raises(ChatModelInvalidOutput, match="too long"):
        complete(chat_with(reply_characters=1000))


def test_an_answer_that_the_server_cut_for_length_is_not_used(llm: Any, chat_with: Any) -> None:
    def cut(handler: Any, body: dict[str, Any]) -> None:
        handler.start_stream()
        handler.event({"content": '{"name": "pear"}'})
        handler.event({}, "length")
        handler.raw("data: [DONE]\n\n")

    llm.say(cut)
    with pytest.raises(ChatModelInvalidOutput, match="cut off"):
        complete(chat_with())


def test_a_stream_that_breaks_off_is_an_error_even_if_what_came_looks_complete(
    llm: Any, chat_with: Any, replies: Any
) -> None:
    llm.say(replies.cut_after('{"name": "pear", "count": 3}'))
    with pytest.raises(ChatModelError, match="broke off"):
        complete(chat_with())


def test_a_silent_server_times_out_after_the_first_token_limit(llm: Any, chat_with: Any, replies: Any) -> None:
    llm.say(replies.hang())
    began = time.monotonic()
    with pytest.raises(ChatModelTimeout) as caught:
        complete(chat_with(first_token_seconds=0.3))
    assert caught.value.stable_code == "llm_timeout" and time.monotonic() - began < 3


def test_a_dripping_server_times_out_after_the_whole_limit(llm: Any, chat_with: Any, replies: Any) -> None:
    llm.say(replies.drip(["a"] * 100, 0.1))
    began = time.monotonic()
    with pytest.raises(ChatModelTimeout):
        complete(chat_with(whole_seconds=0.6))
    assert time.monotonic() - began < 3


def test_nobody_listening_is_unreachable(chat_with: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ChatModelUnreachable):
        complete(chat_with(base_url=f"http://127.0.0.1:{port}/v1"))


@pytest.mark.parametrize(
    ("code", "fragment"),
    [(401, "refused the API key"), (403, "refused the API key"), (404, "knows no model"), (500, "status 500")],
)
def test_each_refusal_is_unreachable_with_what_to_do(
    llm: Any, chat_with: Any, replies: Any, code: Any, fragment: Any
) -> None:
    llm.say(replies.status(code, "secret detail sk-canary-123"))
    with pytest.raises(ChatModelUnreachable, match=fragment) as caught:
        complete(chat_with())
    assert "canary" not in str(caught.value) and caught.value.facts["status"] == code


def test_429_and_5xx_are_tried_again_and_then_work(llm: Any, chat_with: Any, replies: Any) -> None:
    llm.say(replies.status(429, headers={"Retry-After": "0.01"}), replies.status(503, headers={"Retry-After": "0.01"}))
    llm.say({"name": "pear"})
    assert complete(chat_with(retries=2)).name == "pear"
    assert len(llm.requests) == 3


def test_retries_end_after_two(llm: Any, chat_with: Any, replies: Any) -> None:
    llm.say(replies.status(429, headers={"Retry-After": "0.01"}))
    with pytest.raises(ChatModelUnreachable, match="429"):
        complete(chat_with(retries=2))
    assert len(llm.requests) == 3


@pytest.mark.parametrize(
    ("payload", "content_type"),
    [
        (b"<html>502</html>", "text/html"),
        (b"data: not json\n\n", "text/event-stream"),
        (b"data: []\n\n", "text/event-stream"),
        (b'data: {"choices": 5}\n\n', "text/event-stream"),
        (b'data: {"choices": [{"index": 0}]}\n\n', "text/event-stream"),
        (b'data: {"choices": [{"delta": 7}]}\n\n', "text/event-stream"),
        (b'data: {"error": {"message": "boom"}}\n\n', "text/event-stream"),
        (b"\xff\xfe\x00", "text/event-stream"),
        (b"", "text/event-stream"),
        (b'{"choices": []}', "application/json"),
        (b"data: [DONE]\n\n", "text/event-stream"),
    ],
)
def test_a_server_that_speaks_something_else_is_a_typed_error(
    llm: Any, chat_with: Any, replies: Any, payload: Any, content_type: Any
) -> None:
    llm.say(replies.raw_body(payload, content_type))
    with pytest.raises(ChatModelError):
        complete(chat_with())


def test_the_key_goes_to_the_server_and_nowhere_else(llm: Any, chat_with: Any, replies: Any, caplog: Any) -> None:
    llm.say(replies.status(500, "sk-canary-123"))
    chat = chat_with()
    with caplog.at_level(logging.DEBUG), pytest.raises(ChatModelUnreachable) as caught:
        complete(chat)
    assert {k.lower(): v for k, v in llm.headers[0].items()}["authorization"] == "Bearer sk-canary-123"
    own = [r.getMessage() for r in caplog.records if r.name.startswith(("prompts", "service"))]
    assert "canary" not in repr(OpenAIChatConfig(model="m", api_key="sk-canary-123"))
    assert "canary" not in "".join(own) + str(caught.value) + repr(caught.value.facts)


def test_after_failures_in_a_row_the_server_is_left_alone_for_a_while(llm: Any, chat_with: Any, replies: Any) -> None:
    now = [100.0]
    breaker = CircuitBreaker(failures=2, rest_seconds=30, clock=lambda: now[0])
    llm.say(replies.status(500), replies.cut_after('{"name": "pe'), {"name": "pear"})

    async def work() -> Fruit:
        chat = OpenAIChat(OpenAIChatConfig(model="m", base_url=llm.url, retries=0), breaker)
        for failure in ("status 500", "broke off"):
            with pytest.raises(ChatModelError, match=failure):
                await chat.complete(ASK, Fruit)
        with pytest.raises(ChatModelUnreachable, match="left alone"):
            await chat.complete(ASK, Fruit)
        assert len(llm.requests) == 2
        now[0] += 31
        fruit = await chat.complete(ASK, Fruit)
        await chat.close()
        return fruit

    assert asyncio.run(work()).name == "pear"


def every_error_class() -> list[type[Exception]]:
    found: list[type[Exception]] = []
    todo: list[type[Exception]] = [openai.OpenAIError]
    while todo:
        error = todo.pop()
        found.append(error)
        todo += error.__subclasses__()
    return found


def test_every_error_of_the_sdk_has_a_place_in_our_tree(chat_with: Any) -> None:
    mapped = {
        error.__name__: type(chat_with()._mapped(error.__new__(error))).__name__
        for error in every_error_class()
        if not issubclass(error, openai.APIStatusError)
    }
    assert mapped["APITimeoutError"] == "ChatModelTimeout"
    assert mapped["APIConnectionError"] == "ChatModelUnreachable"
    assert set(mapped.values()) <= {"ChatModelTimeout", "ChatModelUnreachable", "ChatModelError"}
