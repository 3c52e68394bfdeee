"""Where a scene is: reading a place, and putting it where the prompt names the old one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from prompts.expansion.applying import apply
from prompts.expansion.data_files import load_toml
from prompts.expansion.edits import AddPhrase, Edit, RemovePhrase, ReplacePhrase
from prompts.expansion.offline.cutting import cut_all
from prompts.expansion.offline.glossary import english_kinds
from prompts.expansion.offline.mentions import Mention, instead, is_link, mentions
from prompts.expansion.offline.posture import off_furniture
from prompts.expansion.offline.recoloring import look_class
from prompts.expansion.offline.scenery import states, states_in
from prompts.expansion.offline.words import article, fold, words
from prompts.expansion.phrases import Phrase, split
from prompts.spell import Spell

PLACES = frozenset(("city", "place", "location", "country", "town"))
"""What people call the place of a scene without naming it."""

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_ARTICLES = frozenset(("a", "an", "the", "some", "her", "his", "their"))
_PUTS = frozenset(("in", "on", "at", "by", "near", "inside", "into", "to", "beside", "outside", "onto"))
_PASSES = frozenset(("through", "across", "around", "down", "along", "over", "from"))
_LEADS = re.compile(rf"(?P<prep>{'|'.join(sorted(_PUTS))})\s+(?P<rest>.+)", re.IGNORECASE | re.DOTALL)
_GROUND = re.compile(r"\s+background$", re.IGNORECASE)
_BEHIND = re.compile(r"\bin the (?:back|fore)ground$", re.IGNORECASE)
_NAME_WORDS = 5
_SCENE_GROUPS = ("time", "weather", "season")


@dataclass(frozen=True, slots=True)
class Place:
    """A place as a wish or a prompt names it."""

    name: str
    """Its last words, as `data/slots.toml` has them: `night market`."""
    head: str
    """With what is said before it: `busy night market`."""
    tail: str = ""
    """What follows: `at sunset`."""
    prep: str = ""
    """`in`, `on`, … as it was said; empty for none."""

    @property
    def kind(self) -> str:
        """`indoor`, `outdoor`, `features` or `city`."""
        return _kinds().get(self.name, "city")

    @property
    def bare(self) -> str:
        """Without preposition and article: as a tag."""
        return f"{self.head} {self.tail}".strip()

    @property
    def standing(self) -> str:
        """With the preposition and article that a sentence wants: `in a cafe`, `on the beach`."""
        table = _lists()
        if self.name in table["alone"]:
            return self.bare
        own = next((prep for prep in ("at", "on", "by") if self.name in table[prep]), "in")
        has_article = self.head[:1].isupper() or self.name in table["mass"]
        head = self.head if has_article else f"{article(self.head)} {self.head}"
        prep = self.prep if self.prep in ("in", "on", "at", "by", "near", "beside") else own
        return f"{prep} {head} {self.tail}".strip()


def place_named(text: str) -> Place | None:
    """The place that `text` is, with what is said of it; `None` for other words."""
    if _BEHIND.search(text):
        return None
    said = _GROUND.sub("", text.strip())
    leads = _LEADS.fullmatch(said)
    prep, said = (leads["prep"].casefold(), leads["rest"]) if leads else ("", said)
    tokens = list(_WORD.finditer(said))
    while tokens and tokens[0].group().casefold() in _ARTICLES:
        tokens.pop(0)
    end = next((i for i, token in enumerate(tokens) if is_link(token.group())), len(tokens))
    name = _name_at([_cased(t.group()) for t in tokens[:end]], end - 1) if end else None
    if name is None or end > _NAME_WORDS or any(mark in said for mark in "()[]{}|:,"):
        return None
    head = said[tokens[0].start() : tokens[end - 1].start()] + _cased(tokens[end - 1].group())
    return Place(name, head, said[tokens[end - 1].end() :].strip(), prep)


def fill_place(text: str, spell: Spell, *, moves: bool, is_bare: bool = False) -> list[Edit] | None:
    """Another place where the prompt names one; `None` when `text` is no place, or nothing is there to replace.

    Args:
        text: English, such as `in a cafe`, `beach at sunset`, `cyberpunk city background`, `indoors`.
        spell: What stands.
        moves: Whether the wish was to be somewhere else.
        is_bare: Whether the wish was nothing but the place. With neither it is a further thing in the picture.
    """
    place = place_named(text)
    if place is None or not (moves or _says_where(place, text, spell, is_bare=is_bare)):
        return None
    if any(_key(phrase.core) == _key(place.bare) for phrase in split(spell.prompt)):
        return []
    edits = _moved_to(place, spell.prompt)
    if edits is None:
        return None
    return [*edits, *rivals_of(place.tail, apply(spell, edits))]


def place_left(text: str, spell: Spell) -> list[Edit]:
    """What goes from a prompt that was elsewhere when somebody is `walking on the beach`."""
    where = re.search(rf"\b(?:{'|'.join(sorted(_PUTS))})\s+\S.*", text, re.IGNORECASE)
    place = place_named(where.group()) if where else None
    if place is None:
        return []
    old = [p for p in split(spell.prompt) if _is_whole_place(p) and _key(p.core) != _key(place.bare)]
    edits: list[Edit] = [RemovePhrase(phrase.core) for phrase in old if phrase.core.casefold() != text.casefold()]
    for phrase in split(spell.prompt):
        head, said, tail = phrase.core.partition(text)
        for span in reversed(_located(Phrase(tail, tail, 1.0, 0, len(tail)))) if said else ():
            tail = _spliced(tail, span, None)
        changed = f"{head}{said} {tail.strip()}".strip() if said else phrase.core
        edits += [ReplacePhrase(phrase.core, changed)] if changed != phrase.core else []
    return edits


def moved(place: str, spell: Spell) -> list[Edit]:
    """Another city where the prompt names one, another place else; where it names none, the place is added."""
    kinds = english_kinds()
    here = [word for word in words(spell.prompt) if kinds.get(fold(word)) == "city"]
    found = mentions(spell.prompt, here[0]) if here else []
    if found:
        return [ReplacePhrase(m.phrase.core, instead(m, place)) for m in found]
    return fill_place(place, spell, moves=True) or [AddPhrase(f"in {place}")]


def has_people(prompt: str) -> bool:
    """Whether somebody is shown; `1girl` counts."""
    kinds = english_kinds()
    return any(kinds.get(fold(word.lstrip("0123456789+"))) == "person" for word in words(prompt))


def _says_where(place: Place, text: str, spell: Spell, *, is_bare: bool) -> bool:
    """Whether the words themselves move somebody: `in a cafe`, `indoors`, and a mere `beach` where it is no feature."""
    if not has_people(spell.prompt):
        return place.name in _lists()["alone"]
    is_put = bool(place.prep) or bool(_GROUND.search(text)) or place.name in _lists()["alone"]
    return is_put or (place.kind != "features" and is_bare)


def _moved_to(place: Place, prompt: str) -> list[Edit] | None:
    changed: dict[str, str] = {}
    is_placed = False
    for phrase in split(prompt):
        if any(mark in phrase.core for mark in "[{|") or phrase.core in changed:
            continue
        if _is_plain_ground(phrase):
            changed[phrase.core] = ""
            continue
        core, spans = phrase.core, _located(phrase)
        for number, span in reversed(list(enumerate(spans))):
            core = _spliced(core, span, place if number == 0 and not is_placed else None)
        is_placed = is_placed or bool(spans)
        if core != phrase.core:
            changed[phrase.core] = core
    if not is_placed:
        return None
    for phrase in split(prompt):
        left = off_furniture(changed.get(phrase.core, phrase.core))
        if left != phrase.core:
            changed[phrase.core] = left
    said = ((old, " ".join(new.split())) for old, new in changed.items())
    return [ReplacePhrase(old, new) if new else RemovePhrase(old) for old, new in said]


def _spliced(core: str, span: _Span, place: Place | None) -> str:
    """`core` with `place` where the span names another; without any, when there is none."""
    if place is None:
        return f"{core[: span.low].rstrip()} {core[span.high :].lstrip()}".strip(" ,")
    new = place.standing if span.prep else place.bare
    if span.passes:
        new = f"{core[span.low : span.head].split()[0]} {article(place.head)} {place.bare}"
    elif not span.prep and span.head > span.low:
        new = f"{article(place.head)} {place.bare}"
    return f"{core[: span.low]}{new}{core[span.high :]}"


@dataclass(frozen=True, slots=True)
class _Span:
    """Where a phrase names a place."""

    low: int
    head: int
    """Where the place begins, behind preposition and article."""
    high: int
    prep: str
    passes: bool
    """Whether the preposition is one that any place may follow: `through`."""


def _located(phrase: Phrase) -> list[_Span]:
    core = phrase.core
    tokens = list(_WORD.finditer(core))
    said = [token.group() for token in tokens]
    found: list[_Span] = []
    for end, _ in enumerate(tokens):
        name = _name_at(said, end)
        if name is None or (end + 1 < len(said) and not _ends_name(said[end + 1])):
            continue
        first = end - name.count(" ")
        while first and not is_link(said[first - 1]) and not _breaks(said[first - 1]):
            first -= 1
        head = low = first
        while low and said[low - 1].casefold() in _ARTICLES:
            low -= 1
        before = said[low - 1].casefold() if low else ""
        if before and before not in _PUTS | _PASSES:
            continue
        has_prep = before in _PUTS
        if name in _lists()["seen_afar"] and not has_prep:
            continue
        start = tokens[low - 1].start() if before else tokens[low].start()
        has_ground = end + 1 < len(said) and said[end + 1].casefold() == "background"
        high = tokens[end + 1].end() if has_ground else tokens[end].end()
        found.append(
            _Span(start, tokens[head].start(), high, before if has_prep else "", bool(before) and not has_prep)
        )
    return found


def _ends_name(following: str) -> bool:
    low = following.casefold()  # a `field of flowers` is more than a place
    return low != "of" and (is_link(low) or low in _PUTS | _PASSES | {"background", "scene", "setting"})


def _breaks(word: str) -> bool:
    low = word.casefold()
    return low in _ARTICLES or low in _PASSES or low in _PUTS or low.endswith("ing")


def _is_whole_place(phrase: Phrase) -> bool:
    place = place_named(phrase.core)
    return place is not None and not place.tail


def _is_plain_ground(phrase: Phrase) -> bool:
    said = [word.casefold() for word in words(phrase.core)]
    return len(said) > 1 and said[-1] == "background" and set(said[:-1]) <= set(_lists()["plain_grounds"])


def rivals_of(tail: str, spell: Spell) -> list[Edit]:
    """What contradicts the time or weather that `tail` names beside something else: `at sunset`, `in the night sky`."""
    named = [state for state in states_in(tail) if state.group in _SCENE_GROUPS]
    groups = {state.group for state in named}
    kept = {state.name for state in named}
    rivals = [s for s in states() if s.group in groups and s.name not in kept]
    return cut_all(spell.prompt, [word for s in rivals for word in (s.phrase, *s.words)], keep=tail)


def _name_at(said: list[str], end: int) -> str | None:
    """The name of a place that ends with the word at `end`, the longer one first."""
    kinds = _kinds()
    for start in (end - 1, end):
        name = " ".join(said[max(start, 0) : end + 1]).casefold()
        for spelled in (name, " ".join(fold(word) for word in name.split())):
            if start >= 0 and spelled in kinds:
                return spelled
    word = said[end]
    is_city = word[:1].isupper() and english_kinds().get(fold(word)) == "city"
    return fold(word) if is_city else None


def _cased(word: str) -> str:
    """A city in lower case with its capital: wishes come without."""
    return word.capitalize() if english_kinds().get(fold(word)) == "city" and word.islower() else word


def _key(text: str) -> str:
    return " ".join(fold(word) for word in words(text) if word.casefold() not in _ARTICLES | _PUTS)


@cache
def _kinds() -> dict[str, str]:
    """Name of a place -> the list of `data/slots.toml` that holds it."""
    return {name: kind for kind in ("features", "outdoor", "indoor") for name in _lists()[kind]}


def _lists() -> dict[str, list[str]]:
    return {name: row for name, row in load_toml("data", "slots.toml")["place"].items() if isinstance(row, list)}


def with_its_kind(mention: Mention) -> Mention:
    """`pine forest`, of which only the forest was named: in a desert there are no pines."""
    before = list(re.finditer(r"[^\W_]+", mention.phrase.core[: mention.start]))
    is_kind = bool(before) and _says_which(before[-1].group())
    return Mention(mention.phrase, before[-1].start(), mention.end) if is_kind else mention


def _says_which(word: str) -> bool:
    """Whether a word before a place says what kind it is, not how it looks: `pine`, not `dark`, `lit` or `Tokyo`."""
    kind = english_kinds().get(fold(word))
    is_look = bool(look_class(word)) or word.casefold().endswith(("ed", "lit", "y", "ing", "ful"))
    return not is_look and not word[:1].isupper() and not is_link(word) and kind in (None, "plant", "food", "animal")
