"""Tells a scene in words, in the ways people write prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generator.demo.concepts import Concept
from generator.demo.train.scene import Scene

STYLE_WORDS = {"3d": "3d render", "ink": "ink drawing", "flat": "flat design", "noto": "flat design"}
_FOREIGN_SHARE = 0.4
_NO_ARTICLE = frozenset({"cherries", "grapes", "thumbs up"})
_PLURALS = {
    "fish": "fish",
    "cup of coffee": "cups of coffee",
    "cherries": "cherries",
    "grapes": "grapes",
    "thumbs up": "thumbs up",
}


@dataclass(frozen=True, slots=True)
class Teller:
    """Writes captions."""

    concepts: dict[str, Concept]
    foreign: Sequence[str]
    """Words that change nothing: style words, artists, anything."""
    names_style: bool
    """Whether the style's word may appear."""

    def knows(self, scene: Scene) -> bool:
        """Whether the scene shows only things this teller has words for."""
        return scene.name in self.concepts and (scene.second is None or scene.second in self.concepts)

    def tell(self, scene: Scene, rng: np.random.Generator) -> str:
        """One caption of a scene; two calls give two wordings."""
        text = self.plain(scene, rng)
        if self.names_style and rng.random() < 0.12:
            text = f"{text}, {STYLE_WORDS[scene.style]}"
        return self.with_foreign_words(text, rng) if rng.random() < _FOREIGN_SHARE else text

    def plain(self, scene: Scene, rng: np.random.Generator) -> str:
        """The caption without style and foreign words."""
        name = self._name(scene.name, rng)
        colour = scene.colour
        if colour is None and scene.natural_colour and scene.second is None and rng.random() < 0.25:
            colour = scene.natural_colour
        tags = scene.layout == "single" and rng.random() < 0.25
        says_background = scene.background != "white" or rng.random() < 0.4
        if tags:
            parts = [f"{colour} {name}" if colour else name]
            return ", ".join([*parts, f"{scene.background} background"] if says_background else parts)
        told = self._things(scene, f"{colour} {name}" if colour else name, rng)
        return f"{told} on {article(scene.background)} background" if says_background else told

    def name_only(self, scene: Scene, rng: np.random.Generator) -> str:
        """Just the thing: what an interrogator should answer."""
        name = scene.name
        return with_article(name) if rng.random() < 0.5 else name

    def with_foreign_words(self, text: str, rng: np.random.Generator) -> str:
        """`text` among words that change nothing."""
        count = int(rng.integers(1, 11))
        words = [str(self.foreign[int(rng.integers(len(self.foreign)))]) for _ in range(count)]
        before = int(rng.integers(0, count + 1)) if rng.random() < 0.4 else 0
        return ", ".join([*words[:before], text, *words[before:]])

    def _name(self, name: str, rng: np.random.Generator) -> str:
        others = self.concepts[name].other_names
        return str(rng.choice(others)) if others and rng.random() < 0.2 else name

    def _things(self, scene: Scene, thing: str, rng: np.random.Generator) -> str:
        if scene.layout == "two":
            return f"two {plural(thing)}" + (" side by side" if rng.random() < 0.2 else "")
        if scene.layout == "three":
            return f"three {plural(thing)}"
        if scene.layout == "different" and scene.second:
            if rng.random() < 0.4:
                return f"{with_article(thing)} and {with_article(scene.second)}"
            return f"{with_article(thing)} on the left and {with_article(scene.second)} on the right"
        if scene.layout == "small":
            where = {"left": "on the left", "right": "on the right", "top": "at the top", "bottom": "at the bottom"}
            return f"{with_article(f'small {thing}')} {where[scene.side or 'left']}"
        return with_article(thing)


def article(word: str) -> str:
    """`word` behind its indefinite article.

    >>> article("orange"), article("red")
    ('an orange', 'a red')
    """
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def with_article(thing: str) -> str:
    """`thing` behind an article, where it takes one.

    >>> with_article("owl"), with_article("red cherries")
    ('an owl', 'red cherries')
    """
    return thing if thing.endswith(tuple(_NO_ARTICLE)) else article(thing)


def plural(thing: str) -> str:
    """Several of `thing`.

    >>> plural("red butterfly"), plural("bus"), plural("key"), plural("cup of coffee")
    ('red butterflies', 'buses', 'keys', 'cups of coffee')
    """
    for single, several in _PLURALS.items():
        if thing.endswith(single):
            return thing.removesuffix(single) + several
    if thing.endswith("y") and thing[-2] not in "aeiou":
        return thing[:-1] + "ies"
    return thing + ("es" if thing.endswith(("s", "sh", "ch", "x")) else "s")
