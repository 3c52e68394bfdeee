"""Tells a scene in words, in the ways people write prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generator.demo.concepts import Concept
from generator.demo.train.scene import Scene

STYLE_WORDS = {
    "3d": "3d render",
    "ink": "ink drawing",
    "half-ink": "ink drawing",
    "flat": "flat design",
    "noto": "flat design",
}
_FOREIGN_SHARE = 0.6
_FOREIGN_BEFORE = 0.7  # of the captions with foreign words may have some before the thing
_KIND_SHARE = 0.08  # of the single things are called by their kind alone
_UNTOLD_SHARE = 0.2  # of the recoloured single things are told without their colour
_COLOUR_SHARE = 0.08  # of the single things are told by their colour alone
_PART_SHARE = 0.1  # of the pictures of two things are told by one of them
_LINKS = ("in the style of", "by", "with", "of", "in")
_NO_ARTICLE = frozenset({"cherries", "grapes", "thumbs up", "lightning"})
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

    def names(self, scene: Scene, caption: str) -> bool:
        """Whether a caption of the scene says what its thing is, and not only its kind or its colour."""
        concept = self.concepts[scene.name]
        return scene.layout != "single" or any(name in caption for name in (concept.name, *concept.other_names))

    def tell(self, scene: Scene, rng: np.random.Generator) -> str:
        """One caption of a scene; two calls give two wordings."""
        text = self.plain(scene, rng)
        if self.names_style and rng.random() < 0.12:
            text = f"{text}, {STYLE_WORDS[scene.style]}"
        return self.with_foreign_words(text, rng) if rng.random() < _FOREIGN_SHARE else text

    def plain(self, scene: Scene, rng: np.random.Generator) -> str:
        """The caption without style and foreign words."""
        name = self._name(scene, rng)
        colour = scene.colour
        if colour is None and scene.natural_colour and scene.second is None and rng.random() < 0.25:
            colour = scene.natural_colour
        if scene.layout == "single" and colour:
            # So that a negative prompt that names a colour finds it in the picture, and the thing has others.
            if rng.random() < _COLOUR_SHARE:
                return colour
            if scene.colour and rng.random() < _UNTOLD_SHARE:
                colour = None
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
        """`text` among words that change nothing: before it, after it, and inside."""
        count = int(rng.integers(1, 11)) if rng.random() < 0.8 else int(rng.integers(10, 17))
        words = [self._foreign_word(rng) for _ in range(count)]
        if rng.random() < 0.3:
            text = _with_adjective(text, words.pop())
        if words and rng.random() < 0.15:
            text = f"{text} {rng.choice(_LINKS)} {words.pop()}"
        before = int(rng.integers(0, len(words) + 1)) if rng.random() < _FOREIGN_BEFORE else 0
        return ", ".join([*words[:before], text, *words[before:]])

    def _foreign_word(self, rng: np.random.Generator) -> str:
        return str(self.foreign[int(rng.integers(len(self.foreign)))])

    def _name(self, scene: Scene, rng: np.random.Generator) -> str:
        concept = self.concepts[scene.name]
        if concept.kind and scene.layout == "single" and rng.random() < _KIND_SHARE:
            return concept.kind
        others = concept.other_names
        return str(rng.choice(others)) if others and rng.random() < 0.2 else concept.name

    def _things(self, scene: Scene, thing: str, rng: np.random.Generator) -> str:
        if scene.layout == "two":
            return f"two {plural(thing)}" + (" side by side" if rng.random() < 0.2 else "")
        if scene.layout == "three":
            return f"three {plural(thing)}"
        if scene.layout == "different" and scene.second:
            if rng.random() < _PART_SHARE:
                # So that a negative prompt that names one of two things finds it in the picture.
                return str(rng.choice((with_article(thing), with_article(scene.second), thing, scene.second)))
            if rng.random() < 0.4:
                return f"{with_article(thing)} and {with_article(scene.second)}"
            return f"{with_article(thing)} on the left and {with_article(scene.second)} on the right"
        if scene.layout == "small":
            where = {"left": "on the left", "right": "on the right", "top": "at the top", "bottom": "at the bottom"}
            return f"{with_article(f'small {thing}')} {where[scene.side or 'left']}"
        return with_article(thing)


def _with_adjective(text: str, word: str) -> str:
    """`word` behind the first article of `text`, or before it all where it has none."""
    first, _, rest = text.partition(" ")
    return f"{article(word)} {rest}" if first in {"a", "an"} and rest else f"{word} {text}"


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
