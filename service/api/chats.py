"""Routes of the chat: one turn, as JSON or as a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from prompts.errors import SpellwrightError
from prompts.expansion.edit_json import edits_from_json
from service.api.deps import IdDep, ServicesDep
from service.api.problems import problem, request_id_of
from service.api.schemas import AcceptIn, ChatIn, ReturnIn, hand_choice
from service.api.spell_views import ChatView, SpellVersionView
from service.api.sse import HEADERS, HEARTBEAT, MEDIA_TYPE, frame
from service.chat import TurnOptions, TurnResult
from service.services import Services

router = APIRouter(prefix="/api/spells", tags=["chat"])
STREAM_RESPONSE = {200: {"content": {MEDIA_TYPE: {}}, "description": "JSON, or events with Accept: text/event-stream"}}


@router.post("/{id}/chat", response_model=ChatView, responses=STREAM_RESPONSE)  # type: ignore[arg-type]
async def chat(spell_id: IdDep, body: ChatIn, services: ServicesDep, request: Request) -> ChatView | Response:
    """Say what should change; the answer is the next version with what changed.

    With `Accept: text/event-stream`: `delta` events with the answer's text as it is written, then one
    `version` event with the whole answer, or one `problem` event.
    """
    if MEDIA_TYPE not in request.headers.get("accept", ""):
        result = await services.chat.turn(
            spell_id, body.message, parent=body.parent, offline=body.offline, options=_options(body)
        )
        return ChatView.of(result)
    stream = _stream(services, spell_id, body, request_id_of(request))
    return StreamingResponse(stream, media_type=MEDIA_TYPE, headers=HEADERS)


@router.post("/{id}/accept", status_code=201)
async def accept(spell_id: IdDep, body: AcceptIn, services: ServicesDep) -> ChatView:
    """Store what typed edits make of a version: a proposal that was looked at, or edits of your own."""
    options = TurnOptions(base=body.base, hands=hand_choice(body.hands))
    edits = edits_from_json(body.edits)
    return ChatView.of(await services.chat.accept(spell_id, edits, body.parent, note=body.note, options=options))


@router.post("/{id}/back", status_code=201)
async def go_back(spell_id: IdDep, body: ReturnIn, services: ServicesDep) -> SpellVersionView:
    """Undo the newest version, or go back to any other: a new version that stands for it. Nothing is lost."""
    return SpellVersionView.of(await services.chat.go_back(spell_id, body.to, body.parent))


def _options(body: ChatIn) -> TurnOptions:
    return TurnOptions(base=body.base, hands=hand_choice(body.hands), is_proposal=body.propose)


async def _stream(services: Services, spell_id: str, body: ChatIn, request_id: str) -> AsyncIterator[bytes]:
    pieces: asyncio.Queue[str] = asyncio.Queue()
    turn = asyncio.create_task(
        services.chat.turn(
            spell_id,
            body.message,
            parent=body.parent,
            offline=body.offline,
            on_text=pieces.put_nowait,
            options=_options(body),
        )
    )
    try:
        while not (turn.done() and pieces.empty()):
            piece = await _next_piece(pieces, turn, services.settings.heartbeat_seconds)
            if piece is not None:
                yield frame("delta", {"text": piece})
            elif not turn.done():
                yield HEARTBEAT
        yield _ending(turn, request_id)
    finally:
        turn.cancel()


async def _next_piece(pieces: asyncio.Queue[str], turn: asyncio.Task[TurnResult], seconds: float) -> str | None:
    """The next text; `None` after silence or when the turn is over."""
    getter = asyncio.create_task(pieces.get())
    done, _ = await asyncio.wait({getter, turn}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    if getter in done:
        return getter.result()
    getter.cancel()
    return None


def _ending(turn: asyncio.Task[TurnResult], request_id: str) -> bytes:
    error = turn.exception()
    if error is None:
        return frame("version", ChatView.of(turn.result()).model_dump(mode="json"))
    if not isinstance(error, SpellwrightError):
        raise error
    body = problem(error, request_id).body
    return b"event: problem\ndata: " + bytes(body) + b"\n\n"
