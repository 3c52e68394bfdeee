"""Changing what a thing of the prompt is like: `black hair` -> `silver hair`, `on a green background` -> blue."""

from __future__ import annotations

import re
from functools import cache

from prompts.expansion.data_files import load_toml
from prompts.expansion.edits import Edit, ReplacePhrase
from prompts.expansion.offline.glossary import english_kinds
from prompts.expansion.offline.mentions import Mention, is_link, mentions
from prompts.expansion.offline.words import article, fold, words
from prompts.expansion.phrases import split

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_ARTICLES = frozenset(("a", "an", "the", "his", "her", "its", "their", "some"))
_LOOK_KINDS = frozenset(("color", "adjective", "material"))
_LAST = ("color", "material")
"""Classes whose words stand right before the noun."""
_LOOK_WORDS = 3
_LIKE_A_LOOK = re.compile(r"(?:ed|en|rn|less|ish|ous|ful)$", re.IGNORECASE)
_SHADES = frozenset(("light", "dark", "pale", "deep", "bright", "pastel", "neon"))
_ONE_OF_EACH = ("body", "clothing")
"""Kinds of which a person has one: new ones replace the old ones."""


def look_class(text: str) -> str:
    """What `text` says of a thing: `color`, `length`, `size`, …; empty when it is no such word.

    Two looks of one class exclude each other, two adjectives of the class `adjective` do not.
    """
    said = words(text.casefold())
    if "and" in said:
        cut = said.index("and")
        both = [look_class(" ".join(part)) for part in (said[:cut], said[cut + 1 :])]
        return "color" if set(both) == {"color"} else ""
    if not said or len(said) > _LOOK_WORDS:
        return ""
    last = said[-1]
    named = next((name for name, members in _classes().items() if last in members), "")
    kind = english_kinds().get(fold(last), "")
    return named or (kind if kind in _LOOK_KINDS else "")


def restyled(mention: Mention, look: str) -> Edit:
    """`a red hat` made blue -> `a blue hat`; without a look of that class one is put before the noun."""
    core = mention.phrase.core
    return ReplacePhrase(core, _with_look(core[: mention.start], look) + core[mention.start :])


def restyle_all(found: list[Mention], look: str) -> list[Edit]:
    """Every mention that has a look of that class made `look`; when none has, every mention."""
    wanted = look_class(look)
    having = [m for m in found if any(look_class(word) == wanted for _, _, word in _modifiers(m))]
    return [restyled(mention, plain_look(look)) for mention in having or found]


def listed_looks(text: str) -> list[str]:
    """`longer and torn` -> `long`, `torn`: what a thing should be like; empty when some word may be another thing."""
    parts = words(text)
    is_one = len(parts) < 2 or "and" in parts or parts[0].casefold() in _SHADES
    if look_class(text) and (is_one or len({look_class(part) for part in parts}) < len(parts)):
        return [plain_look(text)]
    said = [word for word in words(text) if word.casefold() != "and"]
    kinds = english_kinds()
    is_clear = all(look_class(word) or (fold(word) not in kinds and _LIKE_A_LOOK.search(word)) for word in said)
    return [plain_look(word) for word in said] if is_clear and len(said) <= _LOOK_WORDS else []


def with_looks(mention: Mention, looks: list[str]) -> Edit:
    """`a red cape` made `long` and `torn` -> `a long torn red cape`; looks of one class take each other's place."""
    core = mention.phrase.core
    head = core[: mention.start]
    for look in looks:
        head = _with_look(head, look)
    return ReplacePhrase(core, head + core[mention.start :])


def same_noun(mention: Mention, new: str) -> Edit | None:
    """`hair` made `black short hair`: the thing stays, what is said of it is new; `None` for another thing."""
    said = [word for word in words(new) if word.casefold() not in _ARTICLES]
    core = mention.phrase.core
    if len(said) < 2 or fold(said[-1]) != fold(core[mention.start : mention.end]):
        return None
    if all(look_class(word) for word in said[:-1]):
        return with_looks(mention, said[:-1])
    return redressed(mention, " ".join(said))


def renewed(phrase: str, prompt: str) -> list[Edit] | None:
    """`silver hair` or `a blue background` said of a prompt that has hair or a background already.

    `None` when the prompt does not speak of it, or when it is a thing of which there can be two.
    """
    said = [word for word in words(phrase) if word.casefold() not in _ARTICLES]
    if len(said) < 2 or any(is_link(word) for word in said):
        return None
    noun, looks = said[-1], said[:-1]
    is_background = fold(noun) == "background"
    if not is_background and english_kinds().get(fold(noun)) not in _ONE_OF_EACH:
        return None
    if len(looks) > 1 and looks[-2].casefold() in _SHADES and look_class(looks[-1]) == "color":
        looks[-2:] = [" ".join(looks[-2:])]
    found = mentions(prompt, noun)
    if not found:
        return _hyphenated(noun, looks, prompt)
    if all(look_class(look) for look in looks):
        target = next((m for m in found if _has_class(m, looks)), found[0])
        if is_background and not all(look_class(word) for _, _, word in _modifiers(target)):
            return [new_background(target, " ".join(said))]  # a beach is not painted blue
        head = target.phrase.core[: target.start]
        for look in looks:
            head = _with_look(head, plain_look(look))
        return [ReplacePhrase(target.phrase.core, head + target.phrase.core[target.start :])]
    return [new_background(found[0], " ".join(said))] if is_background else None


def redressed(mention: Mention, new: str) -> ReplacePhrase:
    """`in a long white dress` with `qipao` -> `in a qipao`: what was said of the old thing goes with it."""
    core = mention.phrase.core
    before = _modifiers(mention)
    low = before[0][0] if before else mention.start
    return ReplacePhrase(core, f"{_spoken(core[:low], new)}{new}{core[mention.end :]}".strip())


def unstyled(mention: Mention) -> str | None:
    """`in a red dress` without `red` is `in a dress`; `None` when the mention is no look of something after it."""
    core = mention.phrase.core
    following = _WORD.match(core[mention.end :].lstrip())
    if following is None or is_link(following.group()) or not look_class(core[mention.start : mention.end]):
        return None
    tail = core[mention.end :].lstrip()
    return f"{_spoken(core[: mention.start], tail)}{tail}".strip()


def new_background(mention: Mention, words_of_it: str) -> Edit:
    """`on a green background` with `beach background` -> `on a beach background`."""
    return redressed(mention, words_of_it)


def _hyphenated(noun: str, looks: list[str], prompt: str) -> list[Edit] | None:
    """`a black-haired girl` said to have silver hair -> `a silver-haired girl`."""
    if len(looks) != 1 or look_class(looks[0]) != "color":
        return None
    stem = re.escape(fold(noun))
    around = re.compile(rf"(?P<article>\b[Aa]n?\s+)?\b(?P<look>[^\W_]+)-(?={stem}e?d\b)")
    edits: list[Edit] = []
    for phrase in split(prompt):
        match = around.search(phrase.core)
        if match is None or look_class(match["look"]) != "color" or any(mark in phrase.core for mark in "[{|"):
            continue
        head = phrase.core[: match.start()] + (f"{article(looks[0])} " if match["article"] else "")
        edits.append(ReplacePhrase(phrase.core, f"{head}{looks[0]}-{phrase.core[match.end() :]}"))
    return edits or None


def _has_class(mention: Mention, looks: list[str]) -> bool:
    wanted = {look_class(look) for look in looks}
    return any(look_class(word) in wanted for _, _, word in _modifiers(mention))


def _with_look(head: str, look: str) -> str:
    """`head`, which ends before a noun, with `look` in place of a word of its class, or at its end."""
    wanted = look_class(look)
    spans = _modifier_spans(head)
    if any(word.casefold() == look.casefold() for _, _, word in spans):
        return head
    for position in range(len(spans) - 1, -1, -1):
        low, high, word = spans[position]
        if wanted in ("", "adjective") or look_class(word) != wanted:
            continue
        if wanted == "color" and position and spans[position - 1][2].casefold() in _SHADES:
            low = spans[position - 1][0]
        return f"{_spoken(head[:low], look)}{look}{head[high:]}"
    has_colors = any(look_class(word) in _LAST for _, _, word in spans)
    place = spans[0][0] if has_colors and wanted not in _LAST else len(head)  # a long red dress, not a red long dress
    return f"{_spoken(head[:place], look)}{look} {head[place:]}"


def _spoken(head: str, following: str) -> str:
    """`head` with the article at its end that `following` wants."""
    return re.sub(r"\b[Aa]n?\s+$", lambda m: f"{article(following)} ", head)


def _modifiers(mention: Mention) -> list[tuple[int, int, str]]:
    return _modifier_spans(mention.phrase.core[: mention.start])


def _modifier_spans(head: str) -> list[tuple[int, int, str]]:
    """The words at the end of `head` that belong to the noun after it, with their places."""
    spans: list[tuple[int, int, str]] = []
    edge = len(head)
    for match in reversed(list(_WORD.finditer(head))):
        word = match.group()
        if head[match.end() : edge].strip() or word.casefold() in _ARTICLES or is_link(word):
            break
        spans.insert(0, (match.start(), match.end(), word))
        edge = match.start()
    return spans


def plain_look(look: str) -> str:
    """`longer` -> `long`: a prompt does not compare."""
    return str(load_toml("data", "turns.toml")["comparatives"].get(look.casefold(), look))


@cache
def _classes() -> dict[str, frozenset[str]]:
    return {name: frozenset(members) for name, members in load_toml("data", "turns.toml")["classes"].items()}
