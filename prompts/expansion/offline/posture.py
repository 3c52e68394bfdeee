"""What the body does: a new posture takes the place of the old one, with what the old one was on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from prompts.expansion.data_files import load_toml
from prompts.expansion.edits import Edit, RemovePhrase, ReplacePhrase
from prompts.expansion.offline.glossary import english_kinds
from prompts.expansion.offline.mentions import is_link
from prompts.expansion.offline.things import posed
from prompts.expansion.offline.words import fold, words
from prompts.expansion.phrases import Phrase, split
from prompts.spell import Spell

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_SUPPORTS = frozenset(("on", "in", "at", "by", "near", "against", "under", "over", "beside", "behind", "inside"))
_TAKES_OBJECT = frozenset(("riding", "climbing"))
_ARTICLES = frozenset(("a", "an", "the", "her", "his", "their"))
_NOT_SOMEBODY = frozenset(("animal", "plant", "thing", "food"))


@dataclass(frozen=True, slots=True)
class _Held:
    """A posture in a phrase of the prompt."""

    phrase: Phrase
    low: int
    word_end: int
    """One past the posture and its adverb (`lying down`)."""
    high: int
    """One past what it is on, or `word_end`."""


def posture_named(text: str) -> str | None:
    """The posture that `text` is (`standing by a window`), as a prompt says it; `None` for anything else."""
    table = _table()
    named = table["also"].get(text.strip().casefold())
    if named is not None:
        return str(named)
    said = posed(text.strip())
    parts = words(said)
    if not parts or parts[0].casefold() not in table["words"] or not _goes_on(parts[0], parts[1:]):
        return None
    return said


def fill_posture(text: str, spell: Spell) -> list[Edit] | None:
    """`standing` in place of `sitting on a bench`; `None` when `text` is no posture or the prompt has none."""
    new = posture_named(text)
    held = _held(spell.prompt) if new else []
    if new is None or not held:
        return None
    edits: list[Edit] = []
    for index, old in enumerate(held):
        core = old.phrase.core
        if index == 0:
            changed = f"{core[: old.low]}{new}{_rest_for(new, core[_end_for(new, old) :])}"
            is_same = words(changed) == words(core) or (core[old.low : old.word_end].casefold() == new.casefold())
            edits += [] if is_same else [ReplacePhrase(core, changed)]
        elif old.low == 0:
            edits.append(RemovePhrase(core))
    return edits


def off_furniture(core: str) -> str:
    """`sitting on a bench` -> `sitting`: of a phrase, what belongs to the place that is left."""
    held = _in_phrase(Phrase(core, core, 1.0, 0, len(core)), has_people=False)
    if held is None or not _is_furniture(core[held.word_end : held.high]):
        return core
    return core[: held.word_end] + core[held.high :]


def _end_for(new: str, old: _Held) -> int:
    """Where the old posture ends that `new` replaces: with what it was on, where the new one cannot be on that."""
    support = old.phrase.core[old.word_end : old.high]
    first, *rest = words(new)
    is_free = not [word for word in rest if word.casefold() not in _table()["adverbs"]]
    if is_free and _is_furniture(support) and fold(first) in _table()["at_rest"]:
        return old.word_end
    takes_object = old.phrase.core[old.low : old.word_end].casefold() in _TAKES_OBJECT
    return old.high if not is_free or takes_object or _is_furniture(support) else old.word_end


def _rest_for(new: str, rest: str) -> str:
    """What follows: nobody sits `through a street`."""
    is_moving = words(new)[0].casefold() in _table()["moving"]
    return rest if is_moving else re.sub(r"^\s+(?:through|along|down|across)\s", " in ", rest)


def _is_furniture(support: str) -> bool:
    said = words(support)
    return bool(said) and (fold(said[-1]) in _table()["furniture"] or said[-1].casefold() in _table()["furniture"])


def _held(prompt: str) -> list[_Held]:
    kinds = english_kinds()
    has_people = any(kinds.get(fold(word.lstrip("0123456789"))) == "person" for word in words(prompt))
    found = (_in_phrase(phrase, has_people=has_people) for phrase in split(prompt))
    return [held for held in found if held is not None]


def _in_phrase(phrase: Phrase, *, has_people: bool) -> _Held | None:
    if any(mark in phrase.core for mark in "[{|"):
        return None
    tokens = list(_WORD.finditer(phrase.core))
    for index, token in enumerate(tokens):
        following = [t.group() for t in tokens[index + 1 :]]
        if token.group().casefold() not in _table()["words"] or not _goes_on(token.group(), following):
            continue
        before = fold(tokens[index - 1].group()) if index else ""
        if has_people and english_kinds().get(before) in _NOT_SOMEBODY:
            continue  # `birds flying` says nothing of the girl
        return _measured(phrase, tokens, index)
    return None


def _measured(phrase: Phrase, tokens: list[re.Match[str]], index: int) -> _Held:
    last = index + _pair_after([t.group().casefold() for t in tokens[index + 1 :]])
    while last + 1 < len(tokens) and tokens[last + 1].group().casefold() in _table()["adverbs"]:
        last += 1
    end = last
    takes_object = tokens[index].group().casefold() in _TAKES_OBJECT
    if last + 1 < len(tokens) and (takes_object or tokens[last + 1].group().casefold() in _SUPPORTS):
        end = last + 1
        while end + 1 < len(tokens) and not is_link(tokens[end + 1].group()):
            end += 1
    return _Held(phrase, tokens[index].start(), tokens[last].end(), tokens[end].end())


def _pair_after(following: list[str]) -> int:
    """How many words `hand in hand` takes, when they follow; else 0."""
    return 3 if " ".join(following[:3]) in _table()["pairs"] else 0


def _goes_on(posture: str, following: list[str]) -> bool:
    """Whether what follows leaves it a posture: `standing by …`, not `running water`."""
    if not following:
        return True
    beside = following[0].casefold()
    if beside in _ARTICLES or beside.isdigit():
        return posture.casefold() in _TAKES_OBJECT
    return is_link(beside) or beside in _table()["adverbs"] or bool(_pair_after([w.casefold() for w in following]))


def _table() -> dict[str, Any]:
    table: dict[str, Any] = load_toml("data", "slots.toml")["posture"]
    return table
