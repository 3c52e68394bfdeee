"""Words that change nothing, for the captions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from generator.demo.concepts import Concept, read_concepts, read_foreign_words
from generator.demo.package import caption_words
from generator.demo.palette import BACKGROUNDS, HUES
from generator.demo.tokenizer import CutVocabulary


def foreign_words(vocabulary: CutVocabulary) -> tuple[str, ...]:
    """Everyday prompt words, and as many random words of the tokenizer.

    A text tower this small does not pass over words it never saw: they take the place of the subject. So
    it must see, without any effect, both the words people use and words nobody foresaw.
    """
    everyday = read_foreign_words()
    known = set(re.findall(r"[a-z]+", " ".join(caption_words(read_concepts())).lower()))
    others = [word for word in vocabulary.whole_words if word not in known]
    # Repeated, so that both kinds are drawn equally often.
    return everyday * max(1, len(others) // len(everyday)) + tuple(others)


def known_words(concepts: Sequence[Concept]) -> frozenset[str]:
    """The words that do mean something: names, colours, counts, places."""
    names = " ".join(name for c in concepts for name in (c.name, *c.other_names, c.kind or ""))
    colours = " ".join([*(b.name for b in BACKGROUNDS), *(h.name for h in HUES)])
    grammar = "a an and on of at the in left right top bottom small one two three background 3d render"
    return frozenset(re.findall(r"[a-z0-9]+", f"{names} {colours} {grammar}".lower()))
