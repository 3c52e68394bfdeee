"""Moving a scene to another city or place."""

from __future__ import annotations

from prompts.expansion.edits import AddPhrase, Edit, ReplacePhrase
from prompts.expansion.offline.glossary import english_kinds
from prompts.expansion.offline.mentions import instead, mentions
from prompts.expansion.offline.words import fold, words
from prompts.spell import Spell

PLACES = frozenset(("city", "place", "location", "country", "town"))
"""What people call the place of a scene without naming it."""


def moved(place: str, spell: Spell) -> list[Edit]:
    """Another city where the prompt names one, else the place is added."""
    kinds = english_kinds()
    here = [word for word in words(spell.prompt) if kinds.get(fold(word)) == "city"]
    found = mentions(spell.prompt, here[0]) if here else []
    return [ReplacePhrase(m.phrase.core, instead(m, place)) for m in found] or [AddPhrase(f"in {place}")]
