"""What an OpenAI conversation says: the last wish, and the spell that the last answer left."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from prompts.errors import PromptEmpty
from prompts.metadata import format_infotext, parse_infotext
from prompts.pictures import base64_picture
from prompts.spell import Spell
from service.errors import RequestInvalid
from service.spells import SpellVersion

FENCE = "```"
_BLOCK = re.compile(r"```([^\n`]*)\n(.*?)\n```", re.DOTALL)
_PLACE = re.compile(r"spell/([0-9A-Z]{26})/(\d{1,9})")


class ImageUrl(BaseModel):
    """A picture in a message."""

    model_config = ConfigDict(extra="ignore")
    url: str


class Part(BaseModel):
    """A piece of a message."""

    model_config = ConfigDict(extra="ignore")
    type: str
    text: str = ""
    image_url: ImageUrl | None = None


class ChatMessage(BaseModel):
    """One message as OpenAI's clients send it."""

    model_config = ConfigDict(extra="ignore")
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """Its words."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or [] if part.type == "text")

    @property
    def picture(self) -> str | None:
        """Its first picture, as it was sent."""
        parts = self.content if isinstance(self.content, list) else []
        return next((part.image_url.url for part in parts if part.image_url is not None), None)


@dataclass(frozen=True, slots=True)
class Left:
    """What an answer ends with."""

    spell: Spell
    spell_id: str | None = None
    """Where it is stored, as the answer says; `None` when somebody else wrote the block."""
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What there is to answer."""

    wish: str
    """The last thing the person wrote; may be empty when there is a picture."""
    picture: bytes | None
    left: Left | None
    """What the last answer left; `None` at the beginning."""
    spell_id: str | None
    """The stored spell that was asked for by name."""
    checkpoint: str | None
    """The checkpoint to write for; `None` is the default one."""
    offline: bool = False


def read_conversation(messages: Sequence[ChatMessage], metadata: Mapping[str, str], model: str) -> Said:
    """What the conversation asks for.

    Raises:
        RequestInvalid: The last word is not the person's; a picture by its address.
        PromptEmpty: Nothing was said.
        PictureError: The picture is no base64.
    """
    last = messages[-1]
    if last.role != "user":
        raise RequestInvalid("The last message must be the user's.", field="messages")
    picture = _picture(last.picture)
    wish = last.text.strip()
    if not wish and picture is None:
        raise PromptEmpty("The message is empty. Write what the picture should show.", field="messages")
    answers = [message.text for message in messages if message.role == "assistant"]
    return Said(
        wish=wish,
        picture=picture,
        left=next((found for text in reversed(answers) if (found := spell_in(text)) is not None), None),
        spell_id=metadata.get("spell_id"),
        checkpoint=None if model.casefold() in GENERIC else model,
        offline=metadata.get("offline", "").casefold() in ("1", "true", "yes"),
    )


GENERIC = ("spellwright", "default", "", "gpt-4", "gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-5")
"""Model names that mean nothing here: clients send them when nobody chose one."""


def block_of(version: SpellVersion) -> str:
    """The code block that an answer ends with: the infotext, and in its head where the spell is stored."""
    return f"{FENCE}spell/{version.spell_id}/{version.number}\n{format_infotext(version.spell)}\n{FENCE}"


def spell_in(text: str) -> Left | None:
    """The spell that an answer ends with; `None` without one."""
    blocks = _BLOCK.findall(text)
    if not blocks:
        return None
    head, infotext = blocks[-1]
    place = _PLACE.fullmatch(head.strip())
    spell = parse_infotext(infotext)
    return Left(spell, place[1], int(place[2])) if place else Left(spell)


def _picture(url: str | None) -> bytes | None:
    if url is None:
        return None
    if not url.lstrip()[:5].casefold() == "data:":
        raise RequestInvalid("Send the picture as a data URL; addresses are not fetched.", field="messages")
    return base64_picture(url)
