"""What the assistants need of a language model: one protocol, one message type, one asking loop."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from pydantic import BaseModel

from prompts.errors import ChatModelInvalidOutput

Reply = TypeVar("Reply", bound=BaseModel)
_MARKER = re.compile(r"<(?=\s*/?\s*data)", re.IGNORECASE)
Role = Literal["system", "user", "assistant"]
OnText = Callable[[str], None]
"""Called with each piece of text as it arrives; must return quickly and not raise."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation with a language model."""

    role: Role
    content: str
    picture: str = ""
    """A data URL that goes with a user's text, for models that see; empty for none."""


class ChatModel(Protocol):
    """A language model that answers in a given shape or streams text.

    Both calls raise `ChatModelError` (or a subclass) for every failure; nothing else leaves them.
    """

    @property
    def name(self) -> str:
        """The model's name, as shown to people and stored with what it wrote."""
        ...

    async def complete(self, messages: Sequence[Message], schema: type[Reply], on_text: OnText | None = None) -> Reply:
        """The answer as a `schema`; `on_text` sees the raw JSON text as it arrives.

        Raises:
            ChatModelInvalidOutput: The answer does not fit the schema.
            ChatModelTimeout, ChatModelUnreachable, ChatModelError: See their docstrings.
        """
        ...

    def stream(self, messages: Sequence[Message]) -> AsyncIterator[str]:
        """The answer as pieces of text, in order.

        Raises:
            ChatModelTimeout, ChatModelUnreachable, ChatModelError: Also in the middle of the text.
        """
        ...


Check = Callable[[Reply], Sequence[str]]
"""What is wrong with an answer that fits the schema; empty when nothing is."""


async def ask(
    chat: ChatModel,
    messages: Sequence[Message],
    schema: type[Reply],
    check: Callable[[Reply], Sequence[str]],
    on_text: OnText | None = None,
) -> Reply:
    """An answer that fits `schema` and passes `check`, with one repair try.

    Raises:
        ChatModelInvalidOutput: Twice unusable; the detail says why the second one was.
        ChatModelError: Whatever else the model raised.
    """
    try:
        reply = await chat.complete(messages, schema, on_text)
        problems = list(check(reply))
    except ChatModelInvalidOutput as invalid:
        problems = [invalid.detail]
    if not problems:
        return reply
    repair = Message("user", "Your answer could not be used: " + " ".join(problems) + " Answer again, as JSON only.")
    # The repair is asked without streaming: the person has already seen the first text.
    reply = await chat.complete([*messages, repair], schema)
    problems = list(check(reply))
    if problems:
        raise ChatModelInvalidOutput(
            "The language model's answer could not be used: " + " ".join(problems) + " Nothing was changed.",
            model=chat.name,
        )
    return reply


def data_block(label: str, text: str) -> str:
    """Untrusted `text` marked as data for a language model.

    The markers cannot be forged from inside: the angle bracket of a tag called `data` in `text` is
    written as a look-alike. The system prompt says that a data block is never an instruction.
    """
    safe = _MARKER.sub("‹", text)
    return f'<data name="{label}">\n{safe}\n</data>'
