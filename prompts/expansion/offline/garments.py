"""What somebody wears: a kimono takes the place of a dress, jeans and a T-shirt take it together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from prompts.expansion.applying import apply
from prompts.expansion.data_files import load_toml
from prompts.expansion.edits import Edit, RemovePhrase, ReplacePhrase
from prompts.expansion.offline.glossary import english_kinds
from prompts.expansion.offline.mentions import Mention, is_link, mentions, without
from prompts.expansion.offline.noun_phrase import NOUN_KINDS
from prompts.expansion.offline.recoloring import redressed
from prompts.expansion.offline.scene import bare
from prompts.expansion.offline.words import article, fold, words
from prompts.expansion.phrases import split
from prompts.spell import Spell

_WORN = re.compile(r"^(?:(?:dressed|clad)\s+in|wearing|wears?|in|with)\s+", re.IGNORECASE)
_NOT_OF_ONE = frozenset(("the", "a", "an", "his", "her", "its", "their", "for", "to", "as", "like"))
"""What stands before no single thing to wear: `change his jacket for a hoodie`."""
_ARTICLE_AT_END = re.compile(r"\ban?\s+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Garment:
    """A thing to wear of which there is one at a time."""

    layer: str
    """`whole`, `top`, `bottom`, `outer`, `feet` or `head`."""
    noun: str
    said: str
    """With what is said of it: `red qipao`."""

    @property
    def is_plural(self) -> bool:
        """Whether it takes no article: `jeans`."""
        return self.noun in load_toml("data", "slots.toml")["garment"]["plural"]


def garment_named(text: str) -> Garment | None:
    """The garment that `text` is (`wearing a red qipao`); `None` for other words."""
    said = bare(_WORN.sub("", text.strip()))
    parts = words(said)
    end = next((i for i, word in enumerate(parts) if is_link(word)), len(parts))
    noun = _noun_at(parts, end - 1) if end else None
    is_of_another = not _NOT_OF_ONE.isdisjoint(word.casefold() for word in parts[:end])
    if noun is None or is_of_another or "," in said or "(" in said or " and " in f" {said} ":
        return None
    return Garment(_layers()[noun], noun, said)


def fill_garment(text: str, spell: Spell) -> list[Edit] | None:
    """The garment in place of those it cannot be worn with; `None` when there are none, or it is there already."""
    garment = garment_named(text)
    if garment is None or _mentions(spell.prompt, garment.noun):
        return None
    displaced = _displaced(spell.prompt, garment)
    if not displaced:
        return None
    first = displaced[0]
    edits: list[Edit] = [_put_on(first, garment)]
    for _ in range(len(displaced) - 1):
        left = _displaced(apply(spell, edits).prompt, garment)
        if not left:
            break
        core, shorter = left[0].phrase.core, without(left[0])
        edits.append(
            RemovePhrase(core) if shorter is None or _says_only_worn(left[0]) else ReplacePhrase(core, shorter)
        )
    return edits


def _put_on(old: Mention, garment: Garment) -> Edit:
    edit = redressed(old, garment.said)
    if not garment.is_plural:
        return _with_article(old, edit, garment)
    head, _, tail = edit.new.partition(garment.said)
    return ReplacePhrase(old.phrase.core, f"{_ARTICLE_AT_END.sub('', head)}{garment.said}{tail}")


def _with_article(old: Mention, edit: ReplacePhrase, garment: Garment) -> Edit:
    """`wearing jeans` with a qipao is `wearing a qipao`."""
    head, _, tail = edit.new.partition(garment.said)
    was_plural = fold(old.phrase.core[old.start : old.end]) in {fold(noun) for noun in _plurals()}
    if not was_plural or not re.search(r"\b(?:wearing|in|with)\s+$", head, re.IGNORECASE):
        return edit
    return ReplacePhrase(edit.old, f"{head}{article(garment.said)} {garment.said}{tail}")


def _says_only_worn(mention: Mention) -> bool:
    """Whether the phrase is the garment and what it is like: `a long white dress`, `wearing jeans`."""
    core = _WORN.sub("", mention.phrase.core)
    return not any(is_link(word) for word in words(core))


def _displaced(prompt: str, garment: Garment) -> list[Mention]:
    """The prompt's garments of the layers that go, in order, the new one left out."""
    layers = load_toml("data", "slots.toml")["garment"]["displaces"][garment.layer]
    found: dict[tuple[int, int], Mention] = {}
    for noun, layer in _layers().items():
        if layer not in layers or noun == garment.noun:
            continue
        for mention in _mentions(prompt, noun):
            if not _is_part_of_name(mention):
                found.setdefault((mention.phrase.start, mention.end), mention)
    return [found[key] for key in sorted(found)]


def _mentions(prompt: str, noun: str) -> list[Mention]:
    """Where the prompt names the garment; `short` is no `shorts`."""
    if noun == fold(noun):
        return mentions(prompt, noun)
    spelled = re.compile(rf"\b{re.escape(noun)}\b", re.IGNORECASE)
    found = ((phrase, spelled.search(phrase.core)) for phrase in split(prompt))
    is_plain = ((p, m) for p, m in found if m is not None and not any(mark in p.core for mark in "[{|"))
    return [Mention(phrase, match.start(), match.end()) for phrase, match in is_plain if match is not None]


def _is_part_of_name(mention: Mention) -> bool:
    """Whether another thing follows: `dress shoes`, `suit of armor`."""
    following = words(mention.phrase.core[mention.end :])
    if not following:
        return False
    return following[0].casefold() == "of" or english_kinds().get(fold(following[0])) in NOUN_KINDS


def _noun_at(parts: list[str], end: int) -> str | None:
    for start in (end - 1, end):
        if start < 0:
            continue
        name = " ".join(parts[start : end + 1]).casefold()
        for spelled in (name, " ".join(fold(word) for word in name.split())):
            if spelled in _layers():
                return spelled
    return None


@cache
def _layers() -> dict[str, str]:
    """Noun -> layer."""
    table = load_toml("data", "slots.toml")["garment"]
    return {noun: layer for layer in table["displaces"] for noun in table[layer]}


def _plurals() -> list[str]:
    return list(load_toml("data", "slots.toml")["garment"]["plural"])
