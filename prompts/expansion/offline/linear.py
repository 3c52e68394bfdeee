"""Spanish, French, German -> English: the order is nearly English already; adjectives move before their noun."""

from __future__ import annotations

import re

from prompts.expansion.language import Language
from prompts.expansion.offline.glossary import Term, fold_foreign, words_of
from prompts.expansion.offline.noun_phrase import ALIVE_KINDS, MODIFIER_KINDS, NOUN_KINDS
from prompts.expansion.offline.prenominal import Clause
from prompts.expansion.offline.words import article, plural

_WORD = re.compile(r"[^\W_]+(?:[’'-][^\W_]+)*['’]?")
_LONGEST = 5  # words of one glossary entry
_ENDINGS = {
    "es": ("s", "es", "a", "as", "o", "os"),
    "fr": ("s", "e", "es", "x", "ne", "le"),
    "de": ("e", "en", "er", "es", "em", "n", "s"),
}
_STEM_ENDINGS = {"es": ("", "o", "a", "e"), "fr": ("", "e"), "de": ("", "e", "en", "er")}
_LINKS = "in|on|at|of|under|by|with|next to|in front of|behind|between|over|through|against|to|for|from|like"
_ELISION = re.compile(r"^(?:l|d|qu|s|n|j|m)['’]", re.IGNORECASE)


def translate_linear(text: str, language: Language) -> Clause:
    """The phrase that one clause of Spanish, French or German says; nothing known: no phrase."""
    items, unknown = _look_up(_WORD.findall(text), language)
    kept, negatives = _take_negated(items)
    phrase = _say(_without_partitives(kept))
    has_subject = any(term.kind in NOUN_KINDS for term, _ in kept)
    return Clause((phrase,) if phrase else (), tuple(negatives), tuple(unknown), has_subject)


_GAP = Term("", "gap")
"""Stands for a word that is not known: what is before it and after it does not belong together."""

_Item = tuple[Term, bool]
"""A term, and whether the source word was a plural."""


def _look_up(words: list[str], language: Language) -> tuple[list[_Item], list[str]]:
    items: list[_Item] = []
    unknown: list[str] = []
    position = 0
    while position < len(words):
        for length in range(min(_LONGEST, len(words) - position), 0, -1):
            found = _term(" ".join(words[position : position + length]), language)
            if found is not None:
                items.append(found)
                position += length
                break
        else:
            word = words[position]
            if word[:1].isupper() and position > 0 and language != "de":
                items.append((Term(word, "city"), False))
            else:
                unknown.append(word)
                items.append((_GAP, False))
            position += 1
    return items, unknown


def _term(text: str, language: Language) -> _Item | None:
    table = words_of(language)
    folded = fold_foreign(text)
    for candidate in (folded, _ELISION.sub("", folded)):
        if candidate in table:
            return table[candidate], False
        for ending in sorted(_ENDINGS[language], key=len, reverse=True):
            stem = candidate.removesuffix(ending)
            if stem == candidate or len(stem) < 3:
                continue
            for own in _STEM_ENDINGS[language]:
                if stem + own in table:
                    term = table[stem + own]
                    return term, ending.endswith("s") and language != "de"
    return None


def _take_negated(items: list[_Item]) -> tuple[list[_Item], list[str]]:
    """What `sin`, `sans`, `ohne` forbid, taken out of the clause."""
    kept: list[_Item] = []
    negatives: list[str] = []
    forbids = False
    held: list[str] = []
    for term, is_plural in items:
        if term is _GAP and (forbids or not kept):
            continue
        if term.detail == "without":
            forbids = True
        elif not forbids:
            kept.append((term, is_plural))
        elif term.kind in NOUN_KINDS:
            negatives.append(" ".join([*held, plural(term.english) if is_plural else term.english]))
            held = []
        elif term.kind in MODIFIER_KINDS:
            if negatives:
                negatives[-1] = f"{term.english} {negatives[-1]}"
            else:
                held.append(term.english)
        elif term.detail not in ("and", "or", "article"):
            forbids = False
            kept.append((term, is_plural))
    return kept, negatives


def _without_partitives(items: list[_Item]) -> list[_Item]:
    """`boit du lait`: no `of` after a verb, nor after a word that is not known and may be one."""
    before = [None, *(term for term, _ in items)]
    return [
        item
        for item, last in zip(items, before, strict=False)
        if item[0].detail != "of" or last is None or (last is not _GAP and last.kind != "verb")
    ]


def _say(items: list[_Item]) -> str:
    """English in the same order, except that each noun takes the modifiers around it."""
    out: list[str] = []
    before: list[str] = []
    number = ""
    position = 0
    is_apart = False
    while position < len(items):
        term, is_plural = items[position]
        position += 1
        if term is _GAP:
            is_apart = bool(out)
        elif term.kind in NOUN_KINDS:
            out += [","] if is_apart and out[-1:] != [","] and not before else []
            is_apart = False
            after = []
            while position < len(items) and _describes(items[position][0], term):
                after.append(items[position][0].english)
                position += 1
            if term.kind == "place" and out[-1:] == ["in"]:
                out[-1] = term.detail  # `en el tejado` is on the roof
            out.append(_noun(term, is_plural, number, [*before, *after]))
            before, number = [], ""
        elif term.kind in MODIFIER_KINDS:
            before.append(term.english)
        elif term.kind == "number":
            number = term.english
        elif term.detail == "article":
            number = number or term.english
        elif term.english:
            is_apart = False
            out += [" ".join(before)] if before else []
            before = []
            out.append(term.english)
            number = ""
    out += [" ".join(before)] if before else []
    return _without_loose_links(" ".join(out).replace(" ,", ","))


def _describes(term: Term, noun: Term) -> bool:
    """Whether `term`, right after `noun`, tells what it is like: `gato negro`, `gato astronauta`."""
    return term.kind in MODIFIER_KINDS or (term.kind == "person" and noun.kind in ALIVE_KINDS)


def _without_loose_links(text: str) -> str:
    """Prepositions whose noun was not known, taken out: `a castle in through` -> `a castle`."""
    text = re.sub(rf"\b(?:{_LINKS}) (?=(?:{_LINKS})(?: |$))", "", text)
    return re.sub(rf"^(?:of|and|with|to|for|from|like)\s+|(?:\s+(?:{_LINKS}|and|while))+$", "", text.strip())


def _noun(term: Term, is_plural: bool, number: str, modifiers: list[str]) -> str:  # noqa: FBT001
    english = term.english.removeprefix("the ")
    text = " ".join([*modifiers, english])
    if number in ("", "a", "the"):
        if is_plural and not term.is_mass:
            return plural(text)
        if term.is_mass or term.kind == "city" or plural(english) == english:
            return text
        if term.english.startswith("the ") or number == "the":
            return f"the {text}"
        return f"{article(text)} {text}"
    return f"{number} {text if term.is_mass else plural(text)}"
