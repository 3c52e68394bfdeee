"""How old somebody looks: a step older, and years in place of other years."""

from __future__ import annotations

import re

from prompts.expansion.data_files import load_toml
from prompts.expansion.edits import Edit, ReplacePhrase
from prompts.expansion.offline.cast import has_cast_tags
from prompts.expansion.offline.glossary import english_kinds
from prompts.expansion.offline.mentions import mentions
from prompts.expansion.offline.recoloring import look_class, restyled
from prompts.expansion.offline.words import article, fold, words
from prompts.expansion.phrases import split
from prompts.spell import Spell

_YEARS = re.compile(
    r"(?P<dash>\d{1,3}[- ]years?[- ]old)|(?P<short>\d{1,3} ?(?:yo|y/o))\b|(?:aged?|age of) \d{1,3}\b", re.IGNORECASE
)
_ASKED = re.compile(
    r"(?:to |be |look(?:ing)? |like |about |around |aged? )*(?P<n>\d{1,3})(?:[- ]?(?:years?[- ]old|yo|y/o))?",
    re.IGNORECASE,
)
_OLDER = re.compile(
    r"(?:look(?:s|ing)? )?(?:more (?:mature|adult|grown[- ]up)|(?:a (?:bit|little|lot)|slightly|somewhat|much) older"
    r"|(?<=look )older|(?<=looks )older|(?<=looking )older)(?:[- ]looking)?"
)
_PERSON = re.compile(
    r"\b(?:(?P<count>\d)|(?P<article>an?|the) )?(?P<look>[a-z-]+ )??(?P<noun>girl|boy|woman|man)\b", re.IGNORECASE
)


def fill_age(text: str, spell: Spell, *, is_of_somebody: bool = False) -> list[Edit] | None:
    """`30 years old` in place of other years, or the next step of `a bit older`; `None` for anything else.

    Args:
        text: English, or a wish that `data/slots.toml` lists.
        spell: What stands.
        is_of_somebody: Whether a mere number is an age: `make her 30`.
    """
    table = load_toml("data", "slots.toml")["age"]
    said = text.strip().casefold()
    if said in table["older"] or _OLDER.fullmatch(said) or (said in table["older_tag"] and has_cast_tags(spell.prompt)):
        return _a_step_older(spell)
    asked = _ASKED.fullmatch(text.strip())
    if asked is None or (said.isdigit() and not is_of_somebody):
        return None
    for phrase in split(spell.prompt):
        years = _YEARS.search(phrase.core)
        if years is not None and not any(mark in phrase.core for mark in "[{|"):
            form = f"{asked['n']}-year-old" if "-" in years.group() else f"{asked['n']} years old"
            core = phrase.core[: years.start()] + form + phrase.core[years.end() :]
            return [ReplacePhrase(phrase.core, core)] if core != phrase.core else []
    return None


def _a_step_older(spell: Spell) -> list[Edit] | None:
    table = load_toml("data", "slots.toml")["age"]
    for phrase in split(spell.prompt):
        match = _PERSON.search(phrase.core)
        is_one = match is not None and match["count"] in (None, "1")
        if match is None or not is_one or any(mark in phrase.core for mark in "[{|"):
            continue
        look = (match["look"] or "").strip().casefold()
        if look and look not in table["said"]:
            look, low = "", match.start("noun")
        else:
            low = match.start()
        new = _older(look, match["noun"].casefold())
        spoken = f"{article(new)} {new}" if low == match.start() and match["article"] else new
        core = phrase.core[:low] + spoken + phrase.core[match.end() :]
        return [ReplacePhrase(phrase.core, core)]
    return None


def _older(look: str, noun: str) -> str:
    steps = load_toml("data", "slots.toml")["age"]["steps"]
    grown = {"girl": "woman", "boy": "man"}.get(noun, noun)
    if look in ("middle-aged", "old", "elderly"):
        return f"{'old' if look == 'middle-aged' else 'elderly'} {grown}"
    return f"adult {grown}" if look == "young" else str(steps[noun])


def aged(look: str, spell: Spell) -> list[Edit] | None:
    """`make her older` of a prompt that says who is shown: `an old woman`; `None` for another look or nobody."""
    if look_class(look) != "age" or len(words(look)) != 1:
        return None
    kinds = english_kinds()
    people = (
        word for phrase in split(spell.prompt) for word in words(phrase.core) if kinds.get(fold(word)) == "person"
    )
    found = mentions(spell.prompt, next(people, ""))
    return [restyled(found[0], look)] if found else None
