"""Looks a person asks for with one word: brighter, darker, sharper, closer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from prompts.expansion.data_files import load_toml
from prompts.expansion.offline.words import folded

_OPPOSITES = (
    ("bright", "dark"),
    ("sharp", "soft"),
    ("colorful", "muted"),
    ("detailed", "simple"),
    ("warm", "cold"),
    ("close", "far"),
)


@dataclass(frozen=True, slots=True)
class Look:
    """A look, the phrase that asks for it, and phrases that contradict it."""

    name: str
    words: tuple[str, ...]
    add: str
    cut: tuple[str, ...]

    @property
    def opposite(self) -> Look | None:
        """The look that "less of this" means; `None` when there is none."""
        pairs = [*_OPPOSITES, *((b, a) for a, b in _OPPOSITES)]
        name = dict(pairs).get(self.name)
        return next((look for look in looks() if look.name == name), None)


@cache
def looks() -> tuple[Look, ...]:
    """Every look of `data/turns.toml`."""
    table = load_toml("data", "turns.toml")["looks"]
    return tuple(Look(name, tuple(row["words"]), row["add"], tuple(row["cut"])) for name, row in table.items())


def look_named(text: str) -> Look | None:
    """The look that `text` names and nothing besides; `None` when it names none."""
    wanted = folded(text)
    return next((look for look in looks() if any(folded(word) == wanted for word in look.words)), None)
