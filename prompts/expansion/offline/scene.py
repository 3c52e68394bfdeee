"""What the rules of a chat turn look at beside the spell, and words of the message in English."""

from __future__ import annotations

import re
from dataclasses import dataclass

from prompts.expansion.catalogue import LoraCard
from prompts.expansion.data_files import load_toml
from prompts.expansion.families import FamilyProfile
from prompts.expansion.language import Language
from prompts.expansion.offline.translation import translate

_SAYS_LITTLE = frozenset("她他它你我们这那了着过得个再天里来去")
"""Characters without which a Chinese wish says the same."""
_SAYS_SEX = frozenset("女男")
_ARTICLE = re.compile(r"^(?:an?|the|some|any|one|her|his|its|their|of|that|this|these|those|my)\s+", re.IGNORECASE)
_LONE_NUMBER = re.compile(r"^\d+,\s*|,\s*\d+$")
"""What is left of `45度`: an angle that says nothing to the model."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The surroundings of one clause."""

    family: FamilyProfile
    locked: tuple[str, ...] = ()
    catalogue: tuple[LoraCard, ...] = ()
    language: Language = "en"
    """Of the patterns that read the message."""
    message: str = ""
    """As written; LoRA names keep their case."""
    undo_to: int | None = None
    """0-based index of the version that "undo" goes back to; `None` at the first."""
    last_reply: str = ""
    """What the assistant said before: it may have made numbered suggestions."""

    def english(self, text: str) -> str:
        """`text` as an English prompt says it; empty when the glossary does not know it.

        English words inside a message in another language stay as they are.
        """
        if self.language == "en" or (text.isascii() and self.language in ("zh", "ja", "ko")):
            return text.strip()
        return _LONE_NUMBER.sub("", translate(text, self.language).text.strip())

    def knows_all(self, text: str) -> bool:
        """Whether no word of `text` would be left out of its English."""
        unknown = "" if self.language == "en" else "".join(translate(text, self.language).unknown)
        return set(unknown) <= _SAYS_LITTLE

    def knows_thing(self, text: str) -> bool:
        """Whether the last word of a Chinese `text`, the thing that it is about, and its sex would not be left out."""
        if self.language != "zh" or text.isascii():
            return True
        lost = tuple(word for word in translate(text, "zh").unknown if not set(word) <= _SAYS_LITTLE)
        if not _SAYS_SEX.isdisjoint(lost):
            return False
        return not lost or not text.rstrip().endswith(lost)

    def is_whole_picture(self, text: str) -> bool:
        """Whether `text` means the picture itself, or something of which it has one: its weather, its style."""
        here = load_toml("data", "turns.toml")[self.language].get("here", {"words": ()})
        return bare(text).casefold() in here["words"]

    def as_written(self, text: str) -> str:
        """`text` with the capitals that the message gives it."""
        position = self.message.casefold().find(text.casefold())
        return text if position < 0 else self.message[position : position + len(text)]


def bare(text: str) -> str:
    """`text` without leading articles."""
    stripped = text.strip()
    while True:
        shorter = _ARTICLE.sub("", stripped)
        if shorter == stripped:
            return stripped
        stripped = shorter
