"""Putting something into a prompt that does not say it yet; what a person can wear is worn."""

from __future__ import annotations

import re
from collections.abc import Iterable

from prompts.expansion.applying import apply
from prompts.expansion.edits import AddPhrase, Edit, RemoveNegative
from prompts.expansion.offline.filling import fill
from prompts.expansion.offline.mentions import is_link
from prompts.expansion.offline.recoloring import renewed
from prompts.expansion.offline.scene import bare
from prompts.expansion.offline.things import kind_of_thing
from prompts.expansion.offline.words import article, folded, plural
from prompts.expansion.phrases import phrase_key, split
from prompts.spell import Spell

_AGE = re.compile(r"(?:look(?:ing)? )?(?:like |about |around |to be )(?P<years>\d{1,3})(?: years old)?", re.IGNORECASE)


def added(text: str, spell: Spell) -> list[Edit]:
    """`text` as a further phrase, or in place of what the prompt says of the same thing; it is no longer forbidden."""
    phrase = text.strip(" ,.")
    again = renewed(phrase, spell.prompt)
    if again is not None:
        return again
    age = _AGE.fullmatch(phrase)
    if age is not None:
        phrase = f"{age['years']} years old"
    head = phrase[: next((match.start() for match in re.finditer(r"[\w-]+", phrase) if is_link(match.group())), None)]
    kind = kind_of_thing(head)  # of `detail in the armor` nothing is worn
    forbidden = [RemoveNegative(p.core) for p in split(spell.negative_prompt) if _same_thing(p.core, phrase)]
    if kind == "clothing" and not re.match(r"(?i)(?:wearing|with|in)\b", phrase):
        shown = phrase if phrase != bare(phrase) or plural(phrase) == phrase else f"{article(phrase)} {phrase}"
        phrase = f"wearing {shown}"
    is_there = any(p.key == phrase_key(phrase) for p in split(spell.prompt))
    return [*forbidden] if is_there or not phrase else [*forbidden, AddPhrase(phrase)]


def added_one_by_one(things: Iterable[str], spell: Spell) -> list[Edit]:
    """Each added to what the ones before it made: `red hair and blue eyes` may change one phrase twice."""
    edits: list[Edit] = []
    for thing in things:
        slotted = fill(thing, spell, "add")
        more = added(thing, spell) if slotted is None else slotted
        spell = apply(spell, more)
        edits += more
    return edits


def _same_thing(one: str, other: str) -> bool:
    return folded(bare(one)) == folded(bare(other))
