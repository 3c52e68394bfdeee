"""What the assistants tell a person beside the spell: a key that never changes, and its sentence in each language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from prompts.expansion.data_files import load_toml

NOTE_LANGUAGES = ("en", "zh")


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence of `data/notes.toml` with its blanks filled."""

    key: str
    values: tuple[tuple[str, str], ...] = ()
    """(name, text) of each blank."""

    def text(self, language: str = "en") -> str:
        """The sentence; a language without one is given English.

        Raises:
            KeyError: The table has no such key.
        """
        texts = load_toml("data", "notes.toml")[self.key]
        return str(texts.get(language, texts["en"])).format(**dict(self.values))

    def __str__(self) -> str:
        """The sentence in English."""
        return self.text()

    def to_json(self) -> dict[str, str]:
        """`{"key": …, "en": …, "zh": …}`."""
        return {"key": self.key} | {language: self.text(language) for language in NOTE_LANGUAGES}


def note(key: str, **values: object) -> Note:
    """The note `key` with its blanks filled."""
    return Note(key, tuple((name, str(value)) for name, value in values.items()))


def texts(notes: Iterable[Note], language: str = "en") -> list[str]:
    """The sentences of several notes."""
    return [one.text(language) for one in notes]
