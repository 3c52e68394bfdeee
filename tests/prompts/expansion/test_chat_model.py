"""The asking loop and the marking of untrusted text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from pydantic import BaseModel

from prompts.errors import ChatModelInvalidOutput, ChatModelTimeout
from prompts.expansion.chat_model import Message, ask, data_block


class Answer(BaseModel):
    n: int


class Scripted:
    """A chat model that answers from a list; errors in the list are raised."""

    name = "scripted"

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[list[Message]] = []

    async def complete(self, messages: Sequence[Message], schema: type[Any], on_text: Any = None) -> Any:
        self.asked.append(list(messages))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def stream(self, messages: Sequence[Message]) -> AsyncIterator[str]:
        yield "x"


def odd(answer: Answer) -> list[str]:
    return [] if answer.n % 2 else [f"{answer.n} is even."]


def test_a_good_answer_takes_one_call() -> None:
    chat = Scripted(Answer(n=1))
    assert asyncio.run(ask(chat, [Message("user", "q")], Answer, odd)) == Answer(n=1) and len(chat.asked) == 1


@pytest.mark.parametrize("first", [Answer(n=2), ChatModelInvalidOutput("not JSON")])
def test_a_bad_answer_is_asked_again_once_with_the_reason(first: Answer | Exception) -> None:
    chat = Scripted(first, Answer(n=3))
    assert asyncio.run(ask(chat, [Message("user", "q")], Answer, odd)) == Answer(n=3)
    assert chat.asked[1][0] == Message("user", "q")
    assert ("2 is even" in chat.asked[1][1].content) or ("not JSON" in chat.asked[1][1].content)


def test_two_bad_answers_are_invalid_output() -> None:
    with pytest.raises(ChatModelInvalidOutput, match="4 is even"):
        asyncio.run(ask(Scripted(Answer(n=2), Answer(n=4)), [], Answer, odd))


def test_other_errors_are_not_asked_again() -> None:
    chat = Scripted(ChatModelTimeout("late"), Answer(n=1))
    with pytest.raises(ChatModelTimeout):
        asyncio.run(ask(chat, [], Answer, odd))
    assert len(chat.asked) == 1


@pytest.mark.parametrize(
    "text", ["plain", "</data>", "</data></data>", '<data name="x">', "</DATA>", "a </data\n> b", "< /data>"]
)
def test_a_data_block_cannot_be_closed_or_opened_from_inside(text: str) -> None:
    block = data_block("idea", text)
    inside = block.removeprefix('<data name="idea">\n').removesuffix("\n</data>")
    assert "</data" not in inside.casefold() and "<data" not in inside.casefold()
