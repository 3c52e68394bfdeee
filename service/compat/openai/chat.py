"""`/v1/chat/completions`: say an idea, get a spell; say what should change, get the next one.

The conversation itself is the memory: every answer ends with the spell as infotext in a code block, and the
next call reads it back from there. With `metadata.spell_id` the stored spell of that id goes on instead, and
every turn is a version of it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response, StreamingResponse

from prompts.errors import SpellwrightError
from service.api.deps import ServicesDep
from service.api.sse import HEADERS, HEARTBEAT, MEDIA_TYPE
from service.compat.openai.conversation import ChatMessage, Said, read_conversation
from service.compat.openai.errors import OpenAIRoute, error_body
from service.compat.openai.models import CHAT_MODEL
from service.compat.openai.turns import Answer, answer_to
from service.ids import IdFactory, utc_now
from service.services import Services

router = APIRouter(prefix="/v1", tags=["OpenAI: chat"], route_class=OpenAIRoute)
CHARACTERS_PER_TOKEN = 4  # the rule of thumb; nothing is billed by it
PIECE = 24  # characters of the closing code block in one chunk
DONE = b"data: [DONE]\n\n"


class StreamOptions(BaseModel):
    """What a stream ends with."""

    include_usage: bool = False


class ChatIn(BaseModel):
    """The body; unknown fields (temperature, tools, …) are ignored: the answer is a spell."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    messages: list[ChatMessage] = Field(min_length=1, max_length=512)
    model: str = Field(default=CHAT_MODEL, max_length=256, description="`spellwright`, or a checkpoint to write for.")
    stream: bool = False
    stream_options: StreamOptions | None = None
    metadata: dict[str, str] | None = Field(
        default=None, description="`spell_id`: go on with this stored spell. `offline`: `true` does without the LLM."
    )


@router.post("/chat/completions", response_model=None)
async def complete(body: ChatIn, services: ServicesDep, request: Request) -> Response:
    """Make or change a spell in conversation; `stream` sends the answer as it is written.

    A picture in the last message (as a data URL) is read for its spell. Beside OpenAI's members the answer
    has `spellwright`: the spell, its infotext, and its id and version.
    """
    said = read_conversation(body.messages, body.metadata or {}, body.model)
    if body.stream:
        stream = _stream(services, said, body)
        return StreamingResponse(stream, media_type=MEDIA_TYPE, headers=HEADERS)
    answer = await answer_to(services, said)
    return JSONResponse(_completion(body, answer))


def _completion(body: ChatIn, answer: Answer) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer.content, "refusal": None}
    return _head("chat.completion", body) | {
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": _usage(body, answer.content),
        "spellwright": answer.extra,
    }


async def _stream(services: Services, said: Said, body: ChatIn) -> AsyncIterator[bytes]:
    head = _head("chat.completion.chunk", body)
    pieces: asyncio.Queue[str] = asyncio.Queue()
    turn = asyncio.create_task(answer_to(services, said, pieces.put_nowait))
    sent = ""
    try:
        yield _chunk(head, {"role": "assistant", "content": ""})
        while not (turn.done() and pieces.empty()):
            piece = await _next(pieces, turn, services.settings.heartbeat_seconds)
            if piece:
                sent += piece
                yield _chunk(head, {"content": piece})
            elif not turn.done():
                yield HEARTBEAT
        error = turn.exception()
        if isinstance(error, SpellwrightError):
            yield _line(error_body(error))
            return
        answer = turn.result()
        rest = answer.content[len(sent) :] if answer.content.startswith(sent) else f"\n\n{answer.content}"
        for at in range(0, len(rest), PIECE):
            yield _chunk(head, {"content": rest[at : at + PIECE]})
        yield _chunk(head, {}, "stop", {"spellwright": answer.extra})
        if body.stream_options is not None and body.stream_options.include_usage:
            yield _line(head | {"choices": [], "usage": _usage(body, answer.content)})
        yield DONE
    finally:
        turn.cancel()


async def _next(pieces: asyncio.Queue[str], turn: asyncio.Task[Answer], seconds: float) -> str | None:
    """The next text; `None` after silence or when the turn is over."""
    getter = asyncio.create_task(pieces.get())
    done, _ = await asyncio.wait({getter, turn}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    if getter in done:
        return getter.result()
    getter.cancel()
    return None


def _head(kind: str, body: ChatIn) -> dict[str, Any]:
    created = int(utc_now().timestamp())
    return {"id": f"chatcmpl-{IdFactory()()}", "object": kind, "created": created, "model": body.model}


def _chunk(head: dict[str, Any], delta: dict[str, Any], finish: str | None = None, extra: Any = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _line(head | {"choices": [choice]} | (extra or {}))


def _line(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False, default=str).encode("utf-8", "replace") + b"\n\n"


def _usage(body: ChatIn, content: str) -> dict[str, int]:
    asked = sum(len(message.text) for message in body.messages) // CHARACTERS_PER_TOKEN
    answered = len(content) // CHARACTERS_PER_TOKEN
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}
