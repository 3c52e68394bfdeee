"""The use cases with the engine's double, and scripted language models; nothing goes over a network but loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from generator.testing import write_pipeline_folder
from prompts.expansion.chat_model import Message
from service.assembly import build
from service.services import Services
from service.testing import quiet_settings

Work = Callable[[Services], Awaitable[Any]]


@dataclass
class Scripted:
    """A chat model that always answers the same, and keeps what it was asked."""

    answer: dict[str, Any]
    asked: list[str] = field(default_factory=list)
    name: str = "scripted"

    async def complete(self, messages: Sequence[Message], schema: type[BaseModel], on_text: Any = None) -> BaseModel:
        self.asked.append("\n".join(f"{m.role}: {m.content}" for m in messages))
        if on_text is not None:
            on_text("x" * 300)
        return schema.model_validate(self.answer)

    async def stream(self, messages: Sequence[Message]) -> Any:
        yield "text"


@pytest.fixture
def with_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run `work` on services with a painterly SD1.5 checkpoint beside the demo; `chat` is the language model."""

    def run(work: Work, chat: Scripted | None = None, **settings: Any) -> Any:
        chosen = quiet_settings(tmp_path, default_checkpoint="painterly", **settings)
        write_pipeline_folder(chosen.checkpoints_path / "painterly")
        if chat is not None:
            monkeypatch.setattr("service.assembly.chat_model", lambda _settings: chat)

        async def whole() -> Any:
            opened: AbstractAsyncContextManager[Services] = build(chosen, fake_engine=True)
            async with opened as services:
                return await work(services)

        return asyncio.run(whole())

    return run


@pytest.fixture
def scripted() -> Callable[[dict[str, Any]], Scripted]:
    """Makes a chat model that always answers with this."""
    return Scripted
