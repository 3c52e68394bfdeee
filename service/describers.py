"""Who writes captions for a tenant when the operator chose a vision model for it."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from prompts.expansion.chat_model import ChatModel
from prompts.interrogation import Describer, Description
from prompts.interrogation.chat_describer import ChatDescriber
from service.language_model import TokenBudget

_NO_MODEL = (
    "The setting captions asks a vision model for captions, but no language model is configured (llm_base_url or "
    "llm_api_key)."
)


class NoDescriber:
    """Says why there is nobody to ask."""

    async def describe(self, picture: Image.Image) -> Description:
        """Never a text."""
        return Description(None, "", _NO_MODEL)


@dataclass(frozen=True, slots=True)
class Describers:
    """The vision model, watched by each tenant's token budget."""

    is_wanted: bool
    """Whether captions come from a chat model at all."""
    chat: ChatModel | None
    tokens: TokenBudget

    def of(self, tenant: str) -> Describer | None:
        """Whom to ask for `tenant`; `None` when captions are made on this machine."""
        if not self.is_wanted:
            return None
        return NoDescriber() if self.chat is None else ChatDescriber(self.tokens.watched(self.chat, tenant))
