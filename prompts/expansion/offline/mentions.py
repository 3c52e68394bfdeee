"""Where a prompt speaks of something, and the prompt's phrase without it or with something else there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from prompts.expansion.offline.words import article, find, fold, folded, singular
from prompts.expansion.phrases import Phrase, split

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_LINKS = (
    " with without in on at under over by near behind beside of and or from into through around against between "
    "inside while who that wearing holding carrying riding playing reading eating drinking driving hugging chasing "
    "looking next front to during "
)
_ARTICLES = frozenset(("a", "an", "the", "his", "her", "its", "their", "some"))


@dataclass(frozen=True, slots=True)
class Mention:
    """The words of a phrase that speak of something."""

    phrase: Phrase
    start: int
    """First character in `phrase.core`."""
    end: int
    """One past the last character."""

    @property
    def is_whole(self) -> bool:
        """Whether the phrase says nothing else, an article aside."""
        return not self.rest

    @property
    def rest(self) -> str:
        """The phrase's other words, articles left out."""
        core = self.phrase.core
        others = _WORD.findall(core[: self.start]) + _WORD.findall(core[self.end :])
        return " ".join(word for word in others if word.casefold() not in _ARTICLES)


def mentions(prompt: str, wanted: str) -> list[Mention]:
    """Every phrase of `prompt` that speaks of `wanted` (plural, spelling and articles do not count).

    Schedules, alternations and choices (`[rain:snow:0.5]`) are left alone: a rule cannot tell which
    part is meant.
    """
    as_said = folded(wanted)
    words = tuple(word for word in as_said if word not in _ARTICLES)
    if not words:
        return []
    found = []
    for phrase in split(prompt):
        if any(mark in phrase.core for mark in "[{|"):
            continue
        spans = [match.span() for match in _WORD.finditer(phrase.core)]
        said = [fold(phrase.core[low:high]) for low, high in spans]
        for sought in (as_said, words):
            index = find(said, sought)
            if index is not None:
                found.append(Mention(phrase, spans[index][0], spans[index + len(sought) - 1][1]))
                break
    return found


def without(mention: Mention) -> str | None:
    """The phrase when what it mentions is taken out; `None` when nothing worth keeping is left.

    Takes the words that belong to it as well: `a girl wearing a red hat in the rain` without `hat`
    is `a girl in the rain`.
    """
    core = mention.phrase.core
    before = list(_WORD.finditer(core[: mention.start]))
    first = _WORD.match(core, mention.start)
    if first and is_link(first.group()):
        return f"{core[: mention.start].rstrip()} {core[mention.end :].lstrip()}".strip(" ,") or None
    while before and not is_link(before[-1].group()):
        before.pop()
    if not before:
        return _head_without(mention)
    low = before[-1].start()
    while len(before) > 1 and is_link(before[-2].group()) and before[-1].group().casefold() != "and":
        before.pop()
        low = before[-1].start()
    head, tail = core[:low].rstrip(), core[mention.end :].lstrip()
    following = re.match(r"and\s+(?=(?:a|an|the)\s)", tail) or re.match(r"and\s+(?!\w+ing\b)", tail)
    if following and not head.endswith(" and"):
        # `with a hat and a cane`: the link stays for what comes after the `and`.
        return f"{head} {core[low : before[-1].end()]} {tail[following.end() :]}".strip()
    left = f"{head} {tail}".strip(" ,")
    return left or None


def _head_without(mention: Mention) -> str | None:
    """`night city` without `night` is `city`, `a photo of a cat` without `photo` is `a cat`.

    The other way round nothing is left: `a cat in a box` without `cat`.
    """
    tail = mention.phrase.core[mention.end :].lstrip()
    following = _WORD.match(tail)
    if following is None:
        return None
    if following.group().casefold() == "of":
        return tail[following.end() :].strip() or None
    if is_link(following.group()) or following.group().casefold().endswith("ing"):
        return None  # of `a woman waving` no waving is left
    return instead(mention, "").strip() if mention.start == 0 else _respoken(mention.phrase.core[: mention.start], tail)


def _respoken(head: str, tail: str) -> str:
    """`head` and `tail` with the article that `tail` wants: `an ` + `city` -> `a city`."""
    spoken = re.sub(
        r"\b(?:[Aa]n?)\s+$", lambda m: ("A" if m.group()[0] == "A" else "a") + article(tail)[1:] + " ", head
    )
    return f"{spoken}{tail}".strip()


def instead(mention: Mention, new: str) -> str:
    """The phrase with `new` where the mention stands, and the article that `new` wants, if any."""
    core = mention.phrase.core
    head, tail = core[: mention.start], core[mention.end :]
    has_article = re.match(r"(?:an?|the|some|his|her|its|their)\s", new, re.IGNORECASE)
    before = re.search(r"\b(an?|the)\s+$", head, re.IGNORECASE)
    if before and has_article:
        head = head[: before.start()]
    elif before and before.group(1).casefold() != "the":
        last = ["", *_WORD.findall(new.casefold())][-1]
        head = head[: before.start()] + ("" if singular(last) != last else article(new) + " ")
    return (head + new + tail).strip()


def is_link(word: str) -> bool:
    """Whether `word` joins two parts of a phrase: `with`, `wearing`, `in`."""
    return f" {word.casefold()} " in _LINKS
