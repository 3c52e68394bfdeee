"""Whether a few English words are a thing that a picture can show, and which kind of thing."""

from __future__ import annotations

from prompts.expansion.data_files import load_toml
from prompts.expansion.offline.glossary import english_kinds
from prompts.expansion.offline.looks import look_named
from prompts.expansion.offline.mentions import is_link
from prompts.expansion.offline.noun_phrase import NOUN_KINDS
from prompts.expansion.offline.recoloring import look_class, plain_look
from prompts.expansion.offline.scene import bare
from prompts.expansion.offline.words import fold, folded, words

_BARE_WORDS = 3
_DESCRIBED_WORDS = 9
_ARTICLES_AND_NUMBERS = frozenset(("a", "an", "the", "some", "two", "three", "four", "five", "many", "his", "her"))
_STANDS_ALONE = NOUN_KINDS | {"pose", "light", "scene"}


def is_noun(text: str) -> bool:
    """Whether the last picture word of `text` is a thing."""
    return kind_of_thing(text) in NOUN_KINDS or kind_of_thing(text) == "light"


def posed(text: str) -> str:
    """`sit on a bench` -> `sitting on a bench`: what somebody does, as a prompt says it."""
    first, space, rest = text.partition(" ")
    return f"{load_toml('data', 'turns.toml')['gerunds'].get(first.casefold(), first)}{space}{rest}"


def look_behind(text: str) -> str | None:
    """`hair blonde` -> `blonde hair`; `None` for other words."""
    said = words(text)
    if len(said) < 2 or not is_noun(said[0]) or look_class(said[0]) or not all(look_class(word) for word in said[1:]):
        return None
    return f"{' '.join(said[1:])} {said[0]}"


def kind_of_thing(text: str) -> str:
    """The glossary's kind of the last picture word of `text`; empty when there is none."""
    kinds = english_kinds()
    return next((kinds[word] for word in reversed(folded(text)) if word in kinds), "")


def is_picture_word(text: str) -> bool:
    """Whether every word of `text` is a picture word and the last one can stand alone."""
    kinds = english_kinds()
    return kind_of_thing(text) in _STANDS_ALONE and all(
        word in kinds or look_class(word) for word in folded(bare(text))
    )


def is_short_thing(text: str) -> bool:
    """Whether `text` is a thing or pose in at most three picture words."""
    return len(folded(bare(text))) <= _BARE_WORDS and is_picture_word(text)


def is_described_thing(text: str) -> bool:
    """`a castle in the background`, `holding a cup of coffee`: only picture words and what joins them."""
    said = words(text)
    kinds = english_kinds()
    if not said:
        return False
    first = said[0].casefold()
    is_thing_in = kinds.get(fold(first)) in ("light", "scene") and len(said) > 1 and is_link(said[1])
    begins = first in _ARTICLES_AND_NUMBERS or first.endswith("ing") or is_thing_in
    known = (
        fold(word) in kinds or is_link(word) or word.casefold() in _ARTICLES_AND_NUMBERS or bool(look_class(word))
        for word in said[1:]
    )
    return begins and len(said) <= _DESCRIBED_WORDS and kind_of_thing(said[-1]) in _STANDS_ALONE and all(known)


def is_unknown_comparative(text: str, thing: str) -> bool:
    """Whether it is a `wider` that no table knows of such a thing: neither another thing nor a look of it."""
    word = text.casefold()
    is_one = word.isalpha() and word.endswith("er") and len(word) > len("user")
    is_known = plain_look(word) != word or fold(word) in english_kinds() or bool(look_class(word))
    is_of_picture = look_named(word) is not None and (
        kind_of_thing(thing) not in NOUN_KINDS or fold(thing) == "background"
    )
    return is_one and not is_known and not is_of_picture
