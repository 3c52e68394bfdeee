"""The language model as a tenant gets it: watched by a token budget."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from prompts.errors import ChatModelBudgetSpent
from prompts.expansion.chat_model import ChatModel, Message, OnText, Reply
from prompts.expansion.notes import Note, note

_BYTES_PER_TOKEN = 3
"""English has four, Chinese three: counted on the dear side, since few servers tell the true number."""

PICTURE_TOKENS = 765
"""What OpenAI counts for a picture of 768 x 768 pixels, which is the largest that is sent: 85, and 170 for each tile
of 512 x 512. Qwen-VL counts about as many (one for 28 x 28 pixels: 753)."""


class TokenLedger(Protocol):
    """How many tokens each tenant has used on a day. Calls come from any thread."""

    def spent(self, tenant: str, day: str) -> int:
        """Tokens of `tenant` on `day` (`2026-11-23`, UTC); 0 for an unknown one."""
        ...

    def add(self, tenant: str, day: str, tokens: int) -> None:
        """Count `tokens` more."""
        ...


@dataclass(frozen=True, slots=True)
class TokenLimits:
    """What a language model may cost; 0 means no limit."""

    per_request: int = 0
    """Tokens of what is sent in one call; an idea or turn takes at most three."""
    per_day: int = 0
    """Tokens of one tenant in one day (UTC)."""


@dataclass(frozen=True, slots=True)
class TokenBudget:
    """Who may use how much, and where it is counted."""

    ledger: TokenLedger
    limits: TokenLimits
    clock: Callable[[], datetime]
    """Aware UTC."""

    def watched(self, chat: ChatModel, tenant: str) -> BudgetedChat:
        """`chat` as `tenant` may use it."""
        return BudgetedChat(chat, tenant, self)


class BudgetedChat:
    """A `ChatModel` that refuses before it costs more than it may.

    Args:
        chat: The model itself.
        tenant: Whose tokens are used.
        budget: What may be used.
    """

    def __init__(self, chat: ChatModel, tenant: str, budget: TokenBudget) -> None:
        self._chat = chat
        self._tenant = tenant
        self._ledger = budget.ledger
        self._limits = budget.limits
        self._clock = budget.clock

    @property
    def name(self) -> str:
        """The model's own."""
        return self._chat.name

    async def complete(self, messages: Sequence[Message], schema: type[Reply], on_text: OnText | None = None) -> Reply:
        """See `ChatModel.complete`.

        Raises:
            ChatModelBudgetSpent: Before anything is sent.
        """
        self._charge(messages)
        pieces: list[str] = []

        def heard(text: str) -> None:
            pieces.append(text)
            if on_text is not None:
                on_text(text)

        try:
            return await self._chat.complete(messages, schema, heard)
        finally:
            self._count(estimated_tokens("".join(pieces)))

    async def stream(self, messages: Sequence[Message]) -> AsyncIterator[str]:
        """See `ChatModel.stream`.

        Raises:
            ChatModelBudgetSpent: Before anything is sent.
        """
        self._charge(messages)
        async for piece in self._chat.stream(messages):
            self._count(estimated_tokens(piece))
            yield piece

    def _charge(self, messages: Sequence[Message]) -> None:
        wanted = sum(_tokens_of(message) for message in messages)
        request, day = self._limits.per_request, self._limits.per_day
        if request and wanted > request:
            raise _spent("request", wanted, request)
        spent = self._ledger.spent(self._tenant, self._day()) if day else 0
        if day and spent + wanted > day:
            raise _spent("day", spent, day)
        self._count(wanted)

    def _count(self, tokens: int) -> None:
        if tokens:
            self._ledger.add(self._tenant, self._day(), tokens)

    def _day(self) -> str:
        return self._clock().date().isoformat()


def estimated_tokens(text: str) -> int:
    """About how many tokens `text` costs; 0 for an empty one."""
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)


def _tokens_of(message: Message) -> int:
    return estimated_tokens(message.content) + (PICTURE_TOKENS if message.picture else 0)


def budget_note(spent: ChatModelBudgetSpent) -> Note:
    """For the person whose language model has no tokens left."""
    return note("llm.budget_spent", used=spent.facts["got"], limit=spent.facts["limit"])


def _spent(what: str, got: int, limit: int) -> ChatModelBudgetSpent:
    return ChatModelBudgetSpent(
        f"The language model's token budget of this {what} is spent ({got} of {limit}). "
        "Go on offline, shorten the conversation, or wait until it is renewed.",
        got=got,
        limit=limit,
        budget=what,
    )
