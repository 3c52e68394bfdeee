"""Words of a phrase: folding for comparison, plural, articles, and finding one text inside another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_SHORT = 200  # characters
_BRITISH = (
    ("colour", "color"),
    ("armour", "armor"),
    ("grey", "gray"),
    ("centre", "center"),
    ("jewellery", "jewelry"),
    ("favour", "favor"),
    ("harbour", "harbor"),
)
_IRREGULAR = (
    ("man", "men"),
    ("woman", "women"),
    ("child", "children"),
    ("person", "people"),
    ("foot", "feet"),
    ("mouse", "mice"),
    ("goose", "geese"),
    ("wolf", "wolves"),
    ("knife", "knives"),
    ("leaf", "leaves"),
    ("elf", "elves"),
    ("tooth", "teeth"),
    ("sheep", "sheep"),
    ("fish", "fish"),
    ("deer", "deer"),
)
_AN = re.compile(r"(?:[aeiou]|hour|honest)", re.IGNORECASE)
_NOT_AN = re.compile(r"(?:uni|use|euro|one\b|once|ukulele|ufo)", re.IGNORECASE)


def words(text: str) -> list[str]:
    """The words of `text` in order, punctuation left out."""
    return _WORD.findall(text)


@lru_cache(maxsize=8192)
def fold(word: str) -> str:
    """`word` for comparison: case, British spelling and a regular plural do not count."""
    folded = word.casefold().replace("’", "'")
    for british, american in _BRITISH:
        folded = folded.replace(british, american)
    return singular(folded)


def folded(text: str) -> tuple[str, ...]:
    """The folded words of `text`."""
    return _folded_short(text) if len(text) <= _SHORT else tuple(fold(word) for word in words(text))


@lru_cache(maxsize=4096)
def _folded_short(text: str) -> tuple[str, ...]:
    """Table words are folded over and over; long texts are not worth keeping."""
    return tuple(fold(word) for word in words(text))


def contains(text: str, wanted: str) -> bool:
    """Whether the words of `wanted` stand one after the other in `text`; an empty `wanted` never does."""
    return find(folded(text), folded(wanted)) is not None


def find(where: Sequence[str], what: Sequence[str]) -> int | None:
    """Index of `what` inside `where`, or `None`."""
    if not what:
        return None
    wanted = tuple(what)
    for start in range(len(where) - len(wanted) + 1):
        if where[start] == wanted[0] and tuple(where[start : start + len(wanted)]) == wanted:
            return start
    return None


def singular(word: str) -> str:
    """The singular of a lower-case English noun; words that are none come back as they are."""
    for one, many in _IRREGULAR:
        if word == many or (word.endswith(many) and many in ("men", "women")):
            return word[: -len(many)] + one
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "xes", "sses", "zes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def plural(noun: str) -> str:
    """The plural of an English noun phrase (`cherry tree` -> `cherry trees`)."""
    head, space, last = noun.rpartition(" ")
    lower = last.casefold()
    for one, many in _IRREGULAR:
        if lower == one or (one in ("man", "woman") and lower.endswith(one)):
            return head + space + last[: len(last) - len(one)] + many
    if singular(lower) != lower:
        return noun
    if lower.endswith("y") and lower[-2:-1] not in "aeiou":
        return head + space + last[:-1] + "ies"
    if lower.endswith(("ch", "sh", "x", "s", "z")):
        return noun + "es"
    return noun + "s"


def article(noun: str) -> str:
    """`a` or `an`, whichever is spoken before `noun`."""
    return "an" if _AN.match(noun) and not _NOT_AN.match(noun) else "a"
