"""Slots that hold one of a few fixed phrases: the mouth, the gaze, the expression, the side that is seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from prompts.expansion.data_files import load_toml
from prompts.expansion.edits import AddPhrase, Edit, RemovePhrase, ReplacePhrase
from prompts.expansion.offline.mentions import Mention, instead, is_link, mentions, without
from prompts.expansion.offline.recoloring import look_class
from prompts.expansion.offline.scene import bare
from prompts.expansion.offline.words import folded, words
from prompts.expansion.phrases import phrase_key, split
from prompts.spell import Spell

_SHORT_PHRASE = 3  # words; `soft smile` says nothing beside the smile


@dataclass(frozen=True, slots=True)
class Value:
    """One of the phrases that a slot may hold."""

    slot: str
    name: str
    words: tuple[str, ...]
    """As a prompt may say it; the first one stands for it."""
    also: tuple[str, ...]
    """As a wish may say it, in any language."""

    @property
    def spoken(self) -> tuple[str, ...]:
        """Every way in which a prompt may have it."""
        return (*self.words, *(word for word in self.also if word.isascii() and " " in word))


@cache
def values() -> tuple[Value, ...]:
    """Every value of `data/slots.toml`."""
    table = load_toml("data", "slots.toml")["exclusive"]
    return tuple(
        Value(slot, name, tuple(row["words"]), tuple(row["also"]))
        for slot, members in table.items()
        for name, row in members.items()
    )


def value_named(text: str) -> tuple[Value, str] | None:
    """The value that `text` names and nothing besides, and how the prompt should say it."""
    views = load_toml("data", "slots.toml")["tags"]["views"]
    lead = next((view for view in views if text.casefold().startswith(f"{view} from ")), "")
    text = text[len(lead) :].strip()
    wanted, whole = folded(bare(text)), folded(text)
    for value in values() if wanted else ():
        if any(folded(word) == wanted for word in value.words):
            return value, text.strip()
        if any(folded(word) in (wanted, whole) for word in value.also):
            return value, value.words[0]
    return _described(text)


def _described(text: str) -> tuple[Value, str] | None:
    """A value with looks before it (`blonde twintails`) or called a face (`surprised face`)."""
    called, _, last = text.rpartition(" ")
    if last.casefold() in ("face", "expression", "look") and called:
        found = value_named(called)
        return (found[0], text) if found is not None and found[0].slot == "expression" else None
    first, _, rest = bare(text).partition(" ")
    found = value_named(rest) if rest and look_class(first) else None
    return (found[0], text.strip()) if found is not None and found[0].slot == "hairdo" else None


def fill_exclusive(text: str, spell: Spell) -> list[Edit] | None:
    """`open mouth` in place of `closed mouth`; `None` when `text` is no such value or the slot is empty."""
    found = value_named(text)
    if found is None:
        return None
    value, spoken = found
    rivals = [word for v in values() if v.slot == value.slot and v.name != value.name for word in v.spoken]
    if any(phrase.key == phrase_key(spoken) for phrase in split(spell.prompt)):
        return exchanged(spell.prompt, rivals, "") or []
    return exchanged(spell.prompt, rivals, spoken)


def exchanged(prompt: str, rivals: Iterable[str], new: str) -> list[Edit] | None:
    """The first mention of one of `rivals` becomes `new` (empty: it goes), the others go; `None` without any."""
    longest: dict[int, Mention] = {}
    for word in sorted(set(rivals), key=lambda w: (-len(words(w)), w)):
        for mention in mentions(prompt, word):
            longest.setdefault(mention.phrase.start, mention)
    edits: list[Edit] = []
    is_placed = not new
    for _, mention in sorted(longest.items()):
        core = mention.phrase.core
        if _is_all(mention):
            edits.append(RemovePhrase(core) if is_placed else ReplacePhrase(core, new))
            is_placed = True
        elif not is_placed and _is_doing(core[mention.start : mention.end]) and _is_doing(new):
            edits.append(ReplacePhrase(core, instead(mention, new)))
            is_placed = True
        else:
            left = without(mention)
            edits.append(RemovePhrase(core) if left is None else ReplacePhrase(core, left))
    if edits and not is_placed:
        edits.append(AddPhrase(new))
    return edits or None


def _is_all(mention: Mention) -> bool:
    """Whether the phrase says nothing else, a word of degree aside."""
    said = words(mention.phrase.core)
    before = words(mention.phrase.core[: mention.start])
    is_last = not words(mention.phrase.core[mention.end :])
    return mention.is_whole or (
        (is_last and len(said) <= _SHORT_PHRASE and not any(is_link(word) or word.isdigit() for word in before))
        and not _is_somebody(before)
    )


def _is_somebody(before: list[str]) -> bool:
    """Whether what stands before begins with an article: `a woman smiling` is more than the smile."""
    return bool(before) and before[0].casefold() in ("a", "an", "the")


def _is_doing(text: str) -> bool:
    said = words(text)
    return bool(said) and said[0].casefold().endswith("ing")
