"""Styles and states of a scene (time of day, weather, framing): what an English text says, what it leaves open."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from prompts.expansion.data_files import load_toml
from prompts.expansion.offline.words import contains, folded


@dataclass(frozen=True, slots=True)
class State:
    """One member of a group of which a picture shows one, such as `night` of `time`."""

    group: str
    name: str
    phrase: str
    """How a prompt says it."""
    words: tuple[str, ...]
    """Any of these in a text means that it is so."""
    lights: tuple[str, ...] = ()
    """Light that suits it."""


@dataclass(frozen=True, slots=True)
class Style:
    """A medium or way of drawing."""

    name: str
    words: tuple[str, ...]
    lead: str
    """Begins a sentence: `A photograph of`."""
    tags: tuple[str, ...]
    """Phrases; the first one names the style."""
    negatives: tuple[str, ...]
    takes_light: bool
    """Whether naming a light makes sense in this medium."""


@cache
def states() -> tuple[State, ...]:
    """Every state of `data/scenery.toml`."""
    table = load_toml("data", "scenery.toml")
    return tuple(
        State(group, name, row["phrase"], tuple(row["words"]), tuple(row.get("lights", ())))
        for group, members in table.items()
        for name, row in members.items()
    )


@cache
def styles() -> tuple[Style, ...]:
    """Every style of `data/styles.toml`."""
    return tuple(
        Style(name, tuple(row["words"]), row["lead"], tuple(row["tags"]), tuple(row["negatives"]), row["lights"])
        for name, row in load_toml("data", "styles.toml").items()
    )


def states_in(text: str) -> tuple[State, ...]:
    """The states that `text` names, in the order of the table."""
    return tuple(state for state in states() if any(contains(text, word) for word in state.words))


def style_in(text: str) -> Style | None:
    """The style that `text` names, by its longest name; `None` when it names none."""
    best: tuple[int, Style] | None = None
    for style in styles():
        for word in style.words:
            if contains(text, word) and (best is None or len(folded(word)) > best[0]):
                best = (len(folded(word)), style)
    return best[1] if best else None


def style_called(name: str) -> Style:
    """The style with the table key `name`.

    Raises:
        KeyError: No such key.
    """
    for style in styles():
        if style.name == name:
            return style
    raise KeyError(name)
