"""What the rules must never write into a prompt, whatever pattern a message happened to fit."""

from __future__ import annotations

import re
from collections.abc import Sequence

from prompts.expansion.data_files import load_toml
from prompts.expansion.edits import AddNegative, AddPhrase, Edit, ReplacePhrase
from prompts.expansion.offline.glossary import english_kinds
from prompts.expansion.offline.words import folded

_PARAMETER = re.compile(
    r"(?:\b\d+ ?(?:more |fewer )?(?:sampling )?steps?$|\bcfg\b|\bguidance scale\b|\bclip ?skip\b|\bsampler\b"
    r"|\bdenoising\b|^seed\b|\d{2,4} ?[x×*] ?\d{2,4}|^\d+ ?步|步数|采样|^(?:more |fewer |less )?steps$|^lora\b)",
    re.IGNORECASE,
)
_LOOKS = frozenset(("adjective", "color"))


def guarded(edits: Sequence[Edit]) -> list[Edit] | None:
    """`edits` without negatives that name nothing; `None` when a parameter would become a phrase, or none is left."""
    kept: list[Edit] = []
    for edit in edits:
        if isinstance(edit, AddPhrase | AddNegative) and _PARAMETER.search(edit.phrase):
            return None
        if isinstance(edit, ReplacePhrase) and _PARAMETER.search(edit.new) and not _PARAMETER.search(edit.old):
            return None
        if isinstance(edit, AddPhrase | AddNegative) and _names_nothing(edit):
            continue
        kept.append(edit)
    return kept if kept or not edits else None


def _names_nothing(edit: AddPhrase | AddNegative) -> bool:
    """Whether it is made of pronouns and fillers only, or is a negative of mere adjectives."""
    empty = set(load_toml("data", "turns.toml")["empty"]["words"])
    said = folded(edit.phrase)
    if not said:
        return False
    if isinstance(edit, AddPhrase):
        return all(word in empty for word in said)
    kinds = english_kinds()
    vague = set(load_toml("data", "turns.toml")["empty"]["vague"])
    return all(word in empty or word in vague or kinds.get(word) in _LOOKS for word in said)
