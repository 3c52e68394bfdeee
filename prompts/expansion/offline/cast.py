"""Who is shown: how many people and of which sex, as tags (`1girl, solo`) and as words (`an old man`)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from prompts.expansion.data_files import load_toml
from prompts.expansion.edits import AddPhrase, Edit, RemovePhrase, ReplacePhrase
from prompts.expansion.offline.glossary import english_kinds
from prompts.expansion.offline.mentions import instead, is_link, mentions
from prompts.expansion.offline.recoloring import look_class
from prompts.expansion.offline.scene import bare
from prompts.expansion.offline.words import article, fold, plural, words
from prompts.expansion.phrases import Phrase, split
from prompts.spell import Spell

_TAG = re.compile(
    r"(?P<count>[1-9][0-9]?\+?|multiple)[ _]?(?P<noun>girls?|boys?|wom[ae]n|m[ae]n|ladies|lady)", re.IGNORECASE
)
_ANIMAL_WORDS = 3
_COUNT = re.compile(r"[1-9][0-9]?")
_AND = re.compile(r"\s*(?:,|\band\b|&|\+)\s*", re.IGNORECASE)
_TO_ANOTHER = re.compile(r"\b(?:him|them)\b|\bher(?=$| (?:from|at|in|on|by|with|and|under|near)\b)", re.IGNORECASE)
"""`hugging him`: whoever does that is not the one who is shown."""
_LEAD = re.compile(r"(?:(?:with|of)\s+)?(?:only\s+|just\s+)?", re.IGNORECASE)
_PRONOUNS: dict[str, dict[str, str]] = {
    "female": {"he": "she", "his": "her", "him": "her"},
    "male": {"she": "he", "her": "his", "hers": "his"},
}


@dataclass(frozen=True, slots=True)
class Member:
    """Some people of one sex: `two girls`, `an adult woman`."""

    sex: str
    noun: str
    """Singular: `girl`."""
    count: int = 1
    looks: str = ""
    """What is said of them: `adult`."""
    is_tag: bool = False
    """Written as a tag: `2girls`."""

    @property
    def tag(self) -> str:
        """`2girls`; with looks in words: `adult woman`."""
        noun = str(_table()["tag"].get(self.noun, self.noun))
        if self.looks:
            return f"{self.looks} {self.noun}" if self.count == 1 else self.phrase
        return f"{self.count}{noun if self.count == 1 else plural(noun)}"

    @property
    def phrase(self) -> str:
        """`two adult women`, `a man`."""
        said = f"{self.looks} {self.noun}".strip()
        if self.count == 1:
            return f"{article(said)} {said}"
        number = next((name for name, n in _table()["numbers"].items() if n == self.count), str(self.count))
        return f"{number} {plural(said)}"


def cast_named(text: str) -> list[Member] | None:
    """The people that `text` names and nothing besides: `a boy and a girl`, `2girls`; `None` for other words."""
    said = _LEAD.sub("", text.strip(), count=1)
    members = [_member(part) for part in _AND.split(said) if part]
    return [m for m in members if m is not None] if members and all(members) else None


def has_cast_tags(prompt: str) -> bool:
    """Whether the prompt counts people in tags: `1girl`."""
    return any(_TAG.fullmatch(phrase.core) for phrase in split(prompt))


def fill_cast(text: str, spell: Spell, *, adds: bool) -> list[Edit] | None:
    """Other people in place of those the prompt names; `None` when `text` names none, or the prompt shows nobody.

    Args:
        text: English, such as `two girls`.
        spell: What stands.
        adds: Whether the wish was to have them as well.
    """
    who, doing = _split_doing(text)
    members = cast_named(who)
    if members is None or (doing and adds):
        return None
    if doing:
        placed = fill_cast(who, spell, adds=_TO_ANOTHER.search(doing) is not None)
        return None if placed is None else [*placed, AddPhrase(doing)]
    tags = [phrase for phrase in split(spell.prompt) if _TAG.fullmatch(phrase.core)]
    if not tags:
        return None if adds else _in_words(members, spell)
    if adds:
        members = _together([m for tag in tags if (m := _member(tag.core)) is not None], members)
    members = [_of_sex(member, tags[0].core) for member in members]
    new = [member.tag for member in members]
    edits: list[Edit] = []
    if [tag.core.casefold() for tag in tags] != new:
        edits = [ReplacePhrase(tags[0].core, ", ".join(new)), *(RemovePhrase(tag.core) for tag in tags[1:])]
    return [*edits, *_company(members, spell)]


def company(text: str, spell: Spell) -> list[Edit]:
    """`solo` goes when somebody else is added: `a boyfriend next to the girl`."""
    head = next((i for i, word in enumerate(words(text)) if is_link(word) or word.endswith("ing")), None)
    noun = fold((words(text)[:head] or [""])[-1])
    is_somebody = english_kinds().get(noun) == "person"
    contrary = {*_table()["alone"], *_table()["nobody"]}
    return [RemovePhrase(p.core) for p in split(spell.prompt) if is_somebody and p.key in contrary]


def _split_doing(text: str) -> tuple[str, str]:
    """`two girls holding hands` -> `two girls`, `holding hands`; the second is empty where nothing is done."""
    match = re.match(r"(?P<who>.+?)\s+(?P<doing>[a-z]+ing\b.*)", text, re.IGNORECASE)
    return (match["who"], match["doing"]) if match else (text, "")


def _company(members: list[Member], spell: Spell) -> list[Edit]:
    """`solo` goes when somebody else comes."""
    if sum(member.count for member in members) == 1:
        return []
    return [RemovePhrase(phrase.core) for phrase in split(spell.prompt) if phrase.key in _table()["alone"]]


def _of_sex(member: Member, tag: str) -> Member:
    """`two people` of a prompt that says `1girl`: two girls."""
    one = _member(tag)
    return replace(member, noun=one.noun, sex=one.sex) if member.sex == "anybody" and one is not None else member


def _together(here: list[Member], more: list[Member]) -> list[Member]:
    """`1girl` and a girl are `2girls`, `1girl` and a boy are `1girl`, `1boy`."""
    found = list(here)
    for member in more:
        same = next((i for i, m in enumerate(found) if m.noun == member.noun and not m.looks + member.looks), None)
        if same is None:
            found.append(member)
        else:
            found[same] = Member(member.sex, member.noun, found[same].count + member.count)
    return found


def _in_words(members: list[Member], spell: Spell) -> list[Edit] | None:
    """The first phrase that begins with somebody, with others in their place: `an old man with a beard`."""
    if any(member.sex == "anybody" for member in members):
        return None
    for phrase in split(spell.prompt):
        found = _somebody(phrase)
        if found is None or found[2].sex == "anybody":
            continue
        low, high, old = found
        is_alone = len(members) == 1 and members[0].count == 1 == old.count
        keeps = is_alone and bool(old.looks) and not members[0].looks
        new = [Member(m.sex, m.noun, m.count, old.looks if keeps else m.looks) for m in members]
        said = " and ".join(member.phrase for member in new)
        if not re.match(r"(?:an?|the|one|two|three|four|five|six|\d+)\s", phrase.core[low:], re.IGNORECASE):
            said = re.sub(r"^an?\s", "", said)
        rest = phrase.core[high:]
        changed = f"{phrase.core[:low]}{said}{_respoken(rest, members[0].sex) if is_alone else rest}"
        edits: list[Edit] = [ReplacePhrase(phrase.core, changed)] if changed != phrase.core else []
        return [*edits, *_company(members, spell)]
    return None


def fill_animal(text: str, spell: Spell) -> list[Edit] | None:
    """`a dog` in place of the one animal that the prompt names; `None` when it names none, or several."""
    kinds = english_kinds()
    said = words(bare(text))
    if not said or len(said) > _ANIMAL_WORDS or kinds.get(fold(said[-1])) != "animal":
        return None
    here = {fold(word) for phrase in split(spell.prompt) for word in words(phrase.core)}
    animals = [word for word in here if kinds.get(word) == "animal"]
    if len(animals) != 1 or animals[0] == fold(said[-1]):
        return None
    return [ReplacePhrase(m.phrase.core, instead(m, bare(text))) for m in mentions(spell.prompt, animals[0])] or None


def _somebody(phrase: Phrase) -> tuple[int, int, Member] | None:
    """Where a phrase first names somebody of the table, with article and looks."""
    if any(mark in phrase.core for mark in "[{|"):
        return None
    tokens = list(re.finditer(r"[^\W_]+(?:['’-][^\W_]+)*", phrase.core))
    for index, token in enumerate(tokens):
        noun = fold(token.group())
        if noun not in _sexes():
            continue
        first = index
        while first and _is_look(tokens[first - 1].group()):
            first -= 1
        looks = phrase.core[tokens[first].start() : token.start()].strip()
        if first and tokens[first - 1].group().casefold() in _table()["numbers"]:
            first -= 1
        count = _table()["numbers"].get(tokens[first].group().casefold(), 1)
        high, others = _joined(phrase.core, token.end())
        return tokens[first].start(), high, Member(_sexes()[noun], noun, count + others, looks)
    return None


def _joined(core: str, end: int) -> tuple[int, int]:
    """Where `and a woman` ends that follows somebody, and how many it adds; `end` and 0 without it."""
    following = re.match(r"\s+and\s+(?P<who>(?:an?|the|one|two|three)?\s*(?:[\w-]+\s+)??(?P<noun>[\w-]+))", core[end:])
    member = _member(following["who"].removeprefix("the ")) if following else None
    return (end, 0) if following is None or member is None else (end + following.end(), member.count)


def _respoken(rest: str, sex: str) -> str:
    """What follows with the pronouns of `sex`."""
    swap = _PRONOUNS[sex]
    return re.sub(r"\b(?:" + "|".join(swap) + r")\b", lambda m: swap.get(m.group(), m.group()), rest)


def _member(text: str) -> Member | None:
    tag = _TAG.fullmatch(text.strip())
    if tag:
        noun = fold(tag["noun"])
        count = int(tag["count"].rstrip("+")) if tag["count"][0] not in "mM" else 2
        return Member(_sexes()[noun], noun, count, is_tag=True)
    said = words(text)
    if not said:
        return None
    noun = fold(said[-1])
    numbers = _table()["numbers"]
    count = 1
    if said[0].casefold() in numbers or _COUNT.fullmatch(said[0]):
        first = said.pop(0).casefold()
        count = numbers[first] if first in numbers else int(first)
    looks = said[:-1]
    is_cast = noun in _sexes() and bool(said) and all(_is_look(word) for word in looks)
    return Member(_sexes()[noun], noun, count, " ".join(looks)) if is_cast and count else None


def _is_look(word: str) -> bool:
    return bool(look_class(word)) or word.casefold() in _table()["looks"]


@cache
def _sexes() -> dict[str, str]:
    """Noun -> sex."""
    return {noun: sex for sex in ("female", "male", "anybody") for noun in _table()[sex]}


def _table() -> dict[str, Any]:
    table: dict[str, Any] = load_toml("data", "slots.toml")["cast"]
    return table
