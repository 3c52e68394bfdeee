"""Weights of what a prompt speaks of."""

from __future__ import annotations

import re

from prompts.expansion.edits import Edit, ReplacePhrase, Reweight
from prompts.expansion.offline.mentions import Mention
from prompts.expansion.offline.words import folded
from prompts.expansion.phrases import weighted

_WEIGHTS = (0.3, 1.6)


def weighed(mention: Mention, factor: float) -> Edit:
    """A whole phrase, or just the words in a long one, made stronger or weaker within sane limits."""
    phrase, low_high = mention.phrase, _WEIGHTS
    if len(folded(mention.rest)) <= 2:
        weight = min(max(round(phrase.weight * factor, 2), low_high[0]), low_high[1])
        return Reweight(phrase.core, weight)
    inner = phrase.core[mention.start : mention.end]
    around = re.compile(rf"\({re.escape(inner)}:(?P<weight>[\d.]+)\)")
    match = around.search(phrase.core)
    weight = float(match["weight"]) if match else 1.0
    weight = min(max(round(weight * factor, 2), low_high[0]), low_high[1])
    low, high = match.span() if match else (mention.start, mention.end)
    return ReplacePhrase(phrase.core, phrase.core[:low] + weighted(inner, weight) + phrase.core[high:])
