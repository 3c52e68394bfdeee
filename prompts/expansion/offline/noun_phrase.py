"""An English noun phrase as it is put together from translated words."""

from __future__ import annotations

from dataclasses import dataclass, field

from prompts.expansion.offline.glossary import Term
from prompts.expansion.offline.words import article, plural

NOUN_KINDS = frozenset({"person", "animal", "thing", "food", "plant", "clothing", "body", "place", "city"})
MODIFIER_KINDS = frozenset({"color", "adjective", "material", "latin"})
PLACE_KINDS = frozenset({"place", "city"})
WORN_KINDS = frozenset({"body", "clothing"})
ALIVE_KINDS = frozenset({"person", "animal"})


@dataclass(slots=True)
class NounPhrase:
    """Number, modifiers, noun, and what is said after it."""

    noun: Term
    number: str = ""
    """`two`, `many`, … or empty: then `a` or `an` where English wants it."""
    modifiers: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)

    def bare(self) -> str:
        """Modifiers and noun, without article and number; for compounds and negatives."""
        return " ".join([*self.modifiers, self.noun.english.removeprefix("the ")])

    def as_modifier(self) -> str:
        """What it becomes before another noun: `king's`, `Tokyo`, `forest`."""
        return f"{self.bare()}'s" if self.noun.kind in ALIVE_KINDS else self.bare()

    def text(self) -> str:
        """The whole phrase: `two red hats on a table`."""
        return " ".join([self.core(), *self.after])

    def as_place(self, preposition: str = "") -> str:
        """With the preposition given, else the noun's own, else `in`: `on a street`, `in the forest`."""
        own = self.noun.detail if self.noun.kind == "place" else ""
        return f"{preposition or own or 'in'} {self.text()}"

    def core(self) -> str:
        """Without what is said after the noun."""
        bare = self.bare()
        if self.number and self.number not in ("a", "the"):
            is_one = self.number in ("one", "another", "each") or self.noun.is_mass
            return f"{self.number} {bare if is_one else plural(bare)}"
        if self.noun.english.startswith("the ") and not self.modifiers:
            return f"the {bare}"
        if self.noun.is_mass or self.noun.kind == "city" or self._is_plural():
            return bare
        return f"{article(bare)} {bare}"

    def _is_plural(self) -> bool:
        last = self.noun.english.partition(" of ")[0].split()[-1].casefold()
        is_regular = last.endswith("s") and not last.endswith(("ss", "us", "is")) and plural(last) == last
        return is_regular or last in ("people", "men", "women", "children")
