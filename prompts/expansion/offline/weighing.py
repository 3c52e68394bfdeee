"""Weights of what a prompt speaks of."""

from __future__ import annotations

import re

from prompts.expansion.edits import Edit, ReplacePhrase, Reweight
from prompts.expansion.offline.mentions import Mention
from prompts.expansion.offline.words import folded
from prompts.expansion.phrases import weighted

_WEIGHTS = (0.3, 1.6)
_WORDS_BESIDE = 2
"""So many other words leave a phrase about the one thing."""


def weighed(mention: Mention, factor: float) -> Edit:
    """A whole phrase, or just the words in a long one, made stronger or weaker within sane limits."""
    low, high = _WEIGHTS
    return weighted_at(mention, min(max(round(weight_of(mention) * factor, 2), low), high))


def weight_of(mention: Mention) -> float:
    """What the words weigh now: of their own brackets in a long phrase, else of the phrase's."""
    match = None if _fills_phrase(mention) else _around(mention)
    return mention.phrase.weight if _fills_phrase(mention) else float(match["weight"]) if match else 1.0


def weighted_at(mention: Mention, weight: float) -> Edit:
    """A whole phrase, or just the words in a long one, with that weight."""
    phrase = mention.phrase
    if _fills_phrase(mention):
        return Reweight(phrase.core, weight)
    match = _around(mention)
    low, high = match.span() if match else (mention.start, mention.end)
    inner = phrase.core[mention.start : mention.end]
    return ReplacePhrase(phrase.core, phrase.core[:low] + weighted(inner, weight) + phrase.core[high:])


def _fills_phrase(mention: Mention) -> bool:
    return len(folded(mention.rest)) <= _WORDS_BESIDE


def _around(mention: Mention) -> re.Match[str] | None:
    inner = mention.phrase.core[mention.start : mention.end]
    return re.search(rf"\({re.escape(inner)}:(?P<weight>[\d.]+)\)", mention.phrase.core)
