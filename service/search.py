"""What the library can be searched for: words, checkpoint, LoRA, time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from prompts.spell import Spell

WORDS = 16  # of one search
CHECKPOINT, LORA = "checkpoint:", "lora:"


@dataclass(frozen=True, slots=True)
class Search:
    """Everything given must fit."""

    words: tuple[str, ...] = ()
    """Each is somewhere in the idea, the prompts, or a name; any case, parts of words too."""
    checkpoint: str | None = None
    """The name, whole."""
    lora: str | None = None
    """The name, whole."""
    since: datetime | None = None
    """Aware; this moment or later."""
    until: datetime | None = None
    """Aware; before this moment."""

    @classmethod
    def of(
        cls,
        text: str = "",
        *,
        checkpoint: str | None = None,
        lora: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Search:
        """A search for the words of `text`; words over `WORDS` are left out."""
        return cls(tuple(text.casefold().split())[:WORDS], checkpoint or None, lora or None, since, until)

    @property
    def parts(self) -> tuple[str, ...]:
        """What must be in the searched text."""
        named = ((CHECKPOINT, self.checkpoint), (LORA, self.lora))
        return (*self.words, *(f"\n{key}{name.casefold()}\n" for key, name in named if name is not None))


EVERYTHING = Search()


def searched_text(spell: Spell, idea: str = "") -> str:
    """The text that is searched for a spell: stored beside it."""
    hires = spell.params.hires
    second = "" if hires is None else f"{hires.prompt or ''} {hires.negative_prompt or ''}"
    lines = [idea, spell.prompt, spell.negative_prompt, second]
    lines += [f"{CHECKPOINT}{spell.params.checkpoint}"] if spell.params.checkpoint else []
    lines += [f"{LORA}{lora.name}" for lora in spell.loras]
    return "\n" + "\n".join(" ".join(line.split()).casefold() for line in lines if line.strip()) + "\n"
