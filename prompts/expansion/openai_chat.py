"""`ChatModel` over the openai SDK: any server that speaks the protocol, at any `base_url`.

Every call is streamed, structured ones too: only a stream shows the first token's delay, can be cut
off when it grows too long, and lets a person read along.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import httpx2
import openai
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel, ValidationError

from prompts.errors import ChatModelError, ChatModelInvalidOutput, ChatModelTimeout, ChatModelUnreachable
from prompts.expansion.bounded_answers import bound
from prompts.expansion.breaker import CircuitBreaker
from prompts.expansion.chat_model import Message, OnText, Reply
from prompts.expansion.json_text import find_object, without_halves

Mode = Literal["json_schema", "tool", "text"]
_NEXT_MODE: dict[Mode, Mode] = {"json_schema": "tool", "tool": "text"}
_TOOL = "answer"


@dataclass(frozen=True, slots=True)
class OpenAIChatConfig:
    """Where the model is and how long to wait for it."""

    model: str
    base_url: str | None = None
    """`None` is OpenAI's own address."""
    api_key: str = "none"
    """Local servers want any text; never logged, never part of an error."""
    connect_seconds: float = 5.0
    first_token_seconds: float = 30.0
    whole_seconds: float = 120.0
    retries: int = 2
    """After 429 and 5xx, with the SDK's exponential wait and jitter."""
    reply_characters: int = 64_000
    """A longer answer is cut off and refused."""
    reply_tokens: int = 2_000
    """Asked of the server as the limit of one answer."""
    temperature: float = 0.4

    def __repr__(self) -> str:
        """Without the key."""
        return f"OpenAIChatConfig(model={self.model!r}, base_url={self.base_url!r})"


class OpenAIChat:
    """A chat model behind an OpenAI-compatible server.

    Structured answers are asked for as a JSON schema; a server that refuses that is asked by tool
    call, then by plain text, and what worked is remembered for this object's life.
    """

    def __init__(self, config: OpenAIChatConfig, breaker: CircuitBreaker | None = None) -> None:
        self._config = config
        self._breaker = breaker or CircuitBreaker()
        self._mode: Mode = "json_schema"
        timeout = openai.Timeout(config.first_token_seconds, connect=config.connect_seconds)
        self._client = openai.AsyncOpenAI(
            api_key=config.api_key,
            base_url=config.base_url,
            timeout=timeout,
            max_retries=config.retries,
            http_client=openai.DefaultAsyncHttpxClient(
                timeout=timeout, event_hooks={"response": [bound]}, headers={"Accept-Encoding": "identity"}
            ),
        )

    @property
    def name(self) -> str:
        """The model's name as configured."""
        return self._config.model

    async def close(self) -> None:
        """Close the connections; the object cannot be used afterwards."""
        await self._client.close()

    async def complete(self, messages: Sequence[Message], schema: type[Reply], on_text: OnText | None = None) -> Reply:
        """See `ChatModel.complete`."""
        while True:
            try:
                text = await self._collect(messages, schema, self._mode, on_text)
            except openai.APIStatusError as refused:
                if refused.status_code in (400, 404, 422, 501) and self._mode in _NEXT_MODE:
                    self._mode = _NEXT_MODE[self._mode]
                    continue
                raise self._mapped(refused) from refused
            return _validated(text, schema, self.name)

    async def stream(self, messages: Sequence[Message]) -> AsyncIterator[str]:
        """See `ChatModel.stream`."""
        try:
            async for piece in self._pieces(messages, {}):
                yield piece
        except openai.APIStatusError as refused:
            raise self._mapped(refused) from refused

    async def _collect(
        self, messages: Sequence[Message], schema: type[BaseModel], mode: Mode, on_text: OnText | None
    ) -> str:
        asked = list(messages)
        if mode != "json_schema":
            asked.insert(0, Message("system", _shape_text(schema)))
        parts: list[str] = []
        async for piece in self._pieces(asked, _mode_options(schema, mode)):
            parts.append(piece)
            if on_text is not None:
                on_text(piece)
        return "".join(parts)

    async def _pieces(self, messages: Sequence[Message], options: dict[str, Any]) -> AsyncIterator[str]:
        """Text deltas of one streamed call; every failure but a status error comes out mapped."""
        self._breaker.check()
        try:
            async with asyncio.timeout(self._config.whole_seconds):
                async for piece in self._deltas(messages, options):
                    yield piece
        except TimeoutError as late:
            self._breaker.failed()
            raise self._late() from late
        except openai.APIStatusError as refused:
            if refused.status_code >= 500 or refused.status_code == 429:
                self._breaker.failed()
            raise
        except (openai.OpenAIError, httpx2.HTTPError) as broken:
            self._breaker.failed()
            raise self._mapped(broken) from broken
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as garbage:
            # The SDK parses events without checking them; a server that speaks another protocol
            # surfaces as one of these.
            raise ChatModelInvalidOutput(
                "The language model's server answered something that is not the OpenAI protocol.", model=self.name
            ) from garbage
        self._breaker.worked()

    async def _deltas(self, messages: Sequence[Message], options: dict[str, Any]) -> AsyncIterator[str]:
        length, finished = 0, False
        async with asyncio.timeout(self._config.first_token_seconds) as first_token:
            stream = await self._client.chat.completions.create(
                model=self._config.model,
                messages=[_message_param(m) for m in messages],
                stream=True,
                temperature=self._config.temperature,
                max_tokens=self._config.reply_tokens,
                **options,
            )
            async with stream:
                async for chunk in stream:
                    first_token.reschedule(None)
                    piece, reason = _delta(chunk)
                    length += len(piece)
                    if length > self._config.reply_characters:
                        raise self._too_long()
                    if piece:
                        yield piece
                    if reason == "length":
                        raise self._too_long()
                    finished = finished or reason is not None
        if not finished:
            self._breaker.failed()
            raise ChatModelError(
                "The language model's answer broke off before its end. Your draft is kept; send it again.",
                model=self.name,
            )

    def _too_long(self) -> ChatModelInvalidOutput:
        return ChatModelInvalidOutput(
            "The language model's answer was too long and was cut off.",
            model=self.name,
            limit=self._config.reply_characters,
        )

    def _late(self) -> ChatModelTimeout:
        return ChatModelTimeout(
            "The language model did not answer in time. Your draft is kept; try again, or go on without it.",
            model=self.name,
            limit=self._config.whole_seconds,
        )

    def _mapped(self, error: Exception) -> ChatModelError:
        """The error of our tree for one of the SDK's; its own text may quote keys and is left out."""
        if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException):
            return self._late()
        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            return ChatModelUnreachable(
                "The language model's server refused the API key. Set the right one and try again.",
                model=self.name,
                status=error.status_code,
            )
        if isinstance(error, openai.NotFoundError):
            return ChatModelUnreachable(
                f"The server knows no model {self.name!r}, or its address is wrong.", model=self.name, status=404
            )
        if isinstance(error, openai.APIStatusError):
            return ChatModelUnreachable(
                f"The language model's server answered with status {error.status_code}. Your draft is kept.",
                model=self.name,
                status=error.status_code,
            )
        if isinstance(error, openai.APIConnectionError | httpx2.TransportError):
            return ChatModelUnreachable(
                "The language model's server cannot be reached. Your draft is kept; check its address.",
                model=self.name,
            )
        return ChatModelError("The language model gave no usable answer. Your draft is kept.", model=self.name)


def _delta(chunk: Any) -> tuple[str, str | None]:
    """(text, finish reason) of one event; a tool call's arguments count as text."""
    if not chunk.choices:
        return "", None
    choice = chunk.choices[0]
    text = choice.delta.content or ""
    if not isinstance(text, str):
        raise TypeError(text)
    for call in choice.delta.tool_calls or ():
        if call.function is not None and call.function.arguments:
            text += call.function.arguments
    return text, choice.finish_reason


def _message_param(message: Message) -> ChatCompletionMessageParam:
    if message.role == "system":
        return {"role": "system", "content": message.content}
    if message.role == "assistant":
        return {"role": "assistant", "content": message.content}
    if message.picture:
        return {
            "role": "user",
            "content": [
                {"type": "text", "text": message.content},
                {"type": "image_url", "image_url": {"url": message.picture}},
            ],
        }
    return {"role": "user", "content": message.content}


def _mode_options(schema: type[BaseModel], mode: Mode) -> dict[str, Any]:
    shape = _strict(schema.model_json_schema())
    if mode == "json_schema":
        return {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": schema.__name__, "strict": True, "schema": shape},
            }
        }
    if mode == "tool":
        function = {"name": _TOOL, "description": schema.__doc__ or "", "parameters": shape}
        return {
            "tools": [{"type": "function", "function": function}],
            "tool_choice": {"type": "function", "function": {"name": _TOOL}},
        }
    return {}


def _strict(shape: Any) -> Any:
    """A JSON schema in the dialect of strict structured output: every field required, none besides."""
    if isinstance(shape, list):
        return [_strict(part) for part in shape]
    if not isinstance(shape, dict):
        return shape
    strict = {key: _strict(part) for key, part in shape.items() if key != "default"}
    if "properties" in strict:
        strict["required"] = list(strict["properties"])
        strict["additionalProperties"] = False
    return strict


def _shape_text(schema: type[BaseModel]) -> str:
    return "Answer with one JSON object and nothing else. Its JSON schema:\n" + json.dumps(schema.model_json_schema())


def _validated(text: str, schema: type[Reply], model: str) -> Reply:
    found = find_object(text)
    if found is None:
        raise ChatModelInvalidOutput("The language model did not answer with a JSON object.", model=model)
    try:
        return schema.model_validate(without_halves(found))
    except (ValidationError, RecursionError) as invalid:
        raise ChatModelInvalidOutput(
            f"The language model's answer has the wrong shape: {_first_problem(invalid)}", model=model
        ) from invalid


def _first_problem(invalid: ValidationError | RecursionError) -> str:
    if isinstance(invalid, RecursionError):
        return "it is nested too deeply."
    problem = invalid.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where}: {problem['msg']}."
