"""What a text says about age, sex and real persons: word lookups, in linear time."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from importlib.resources import files

from service.policy.views import entry_views, joined, readings

LONGEST_PHRASE = 4  # words
ADULT_AGE = 18  # years


class Age(IntEnum):
    """How strongly a text speaks of minors."""

    NONE = 0
    GENERIC = 1
    YOUTH = 2
    STRONG = 3


class Sex(IntEnum):
    """How far a text goes."""

    NONE = 0
    SUGGESTIVE = 1
    NUDITY = 2
    EXPLICIT = 3


@dataclass(frozen=True, slots=True)
class Signals:
    """What was found in one text."""

    age: Age = Age.NONE
    sex: Sex = Sex.NONE
    real_person: bool = False
    says_adult: bool = False


_SPELLED = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
)
_AGE = re.compile(
    r"\b(?P<n>\d{1,3}|" + "|".join(_SPELLED) + r")\s?(?:years?|yrs?|yr)\s?olds?\b"
    r"|\b(?P<yo>\d{1,3})\s?yo\b|\b(?:age|aged)\s(?P<aged>\d{1,3})\b"
)
_CJK_AGE = re.compile(r"(?P<n>\d{1,3}|[一二三四五六七八九十]{1,3})(?:岁|歳|才(?!能|华|子)|살|세(?!기|대|계|트))")
_CJK_DIGITS = {c: i for i, c in enumerate("一二三四五六七八九", start=1)}


@dataclass(frozen=True, slots=True)
class Words:
    """Whole-word phrases and substrings of one signal."""

    words: frozenset[str]
    cjk: tuple[str, ...]

    def inside(self, phrases: frozenset[str], text: str) -> bool:
        """Whether any entry occurs among `phrases` (1 to 4 words) or in the unspaced `text`."""
        return not self.words.isdisjoint(phrases) or any(c in text for c in self.cjk)


class Lexicon:
    """The word lists, read once; frozen after construction."""

    def __init__(self) -> None:
        data = tomllib.loads(files("service.policy").joinpath("terms.toml").read_text("utf-8"))
        self._age = {level: _words(data["age"][level.name.lower()]) for level in (Age.STRONG, Age.YOUTH, Age.GENERIC)}
        self._sex = {
            level: _words(data["sex"][level.name.lower()]) for level in (Sex.EXPLICIT, Sex.NUDITY, Sex.SUGGESTIVE)
        }
        self._adult = _words(data["age"]["adult"])
        self._real = _words(data["real"])
        self._harmless = _words(data["harmless"])
        lists = (*self._age.values(), *self._sex.values(), self._real)
        self._harmless_firsts = _firsts(self._harmless.words)
        self._listed_firsts = _firsts(word for words in (*lists, self._adult) for word in words.words)
        self._unspaced = {word: word.replace(" ", "") for words in lists for word in words.words}

    def read(self, text: str) -> Signals:
        """The strongest signals of `text` over all its views. An empty text gives `Signals()`."""
        found = readings(text)
        seen = [self._without_harmless(view) for view in found.views]
        phrases = frozenset(p for view in seen for p in self._phrases(view.split()))
        if found.runs:
            phrases |= frozenset(word for word, plain in self._unspaced.items() if found.spells(plain))
        unspaced = found.unspaced
        for harmless in self._harmless.cjk:
            unspaced = unspaced.replace(harmless, "")
        age = max((level for level, words in self._age.items() if words.inside(phrases, unspaced)), default=Age.NONE)
        if _speaks_of_a_minor(seen, unspaced):
            age = Age.STRONG
        return Signals(
            age=age,
            sex=max((level for level, words in self._sex.items() if words.inside(phrases, unspaced)), default=Sex.NONE),
            real_person=self._real.inside(phrases, unspaced),
            says_adult=self._adult.inside(phrases, unspaced),
        )

    def _phrases(self, words: list[str]) -> Iterable[str]:
        """The phrases of 1 to 4 words that begin like an entry of a list: no others can be one."""
        for start, first in enumerate(words):
            if first in self._listed_firsts:
                for length in range(1, LONGEST_PHRASE + 1):
                    yield " ".join(words[start : start + length])

    def _without_harmless(self, view: str) -> str:
        words = view.split()
        if self._harmless_firsts.isdisjoint(words):
            return view
        kept: list[str] = []
        position = 0
        while position < len(words):
            for length in range(LONGEST_PHRASE, 0, -1):
                if " ".join(words[position : position + length]) in self._harmless.words:
                    position += length
                    kept.append("·")
                    break
            else:
                kept.append(words[position])
                position += 1
        return " ".join(kept)


def _firsts(phrases: Iterable[str]) -> frozenset[str]:
    return frozenset(phrase.partition(" ")[0] for phrase in phrases)


def _words(table: dict[str, list[str]]) -> Words:
    cjk = tuple(joined(c) for c in table["cjk"])
    return Words(frozenset(v for w in table["words"] for v in entry_views(w)), cjk)


def _speaks_of_a_minor(seen: list[str], unspaced: str) -> bool:
    for view in seen[:2]:  # the leet view turns digits into letters
        for match in _AGE.finditer(view):
            number = next(g for g in match.groups() if g is not None)
            years = int(number) if number.isdigit() else _SPELLED.index(number) + 1
            if years < ADULT_AGE:
                return True
    return any(_cjk_number(m["n"]) < ADULT_AGE for m in _CJK_AGE.finditer(unspaced))


def _cjk_number(text: str) -> int:
    if text.isdigit():
        return int(text)
    tens, ten, ones = text.partition("十")
    if not ten:
        return _CJK_DIGITS.get(text, ADULT_AGE) if len(text) == 1 else ADULT_AGE
    return _CJK_DIGITS.get(tens, 1) * 10 + _CJK_DIGITS.get(ones, 0)
