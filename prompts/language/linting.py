"""`lint`: everything worth saying about a spell before it is drawn."""

from __future__ import annotations

from collections.abc import Collection

from prompts.language import spell_rules
from prompts.language.chunks import Tokenize
from prompts.language.finding import Finding
from prompts.language.text_rules import RULES
from prompts.spell import Spell

_FIELDS = ("prompt", "negative_prompt", "loras")


def lint(
    spell: Spell,
    known_loras: Collection[str] | None = None,
    tokenize: Tokenize | None = None,
    family: str | None = None,
) -> tuple[Finding, ...]:
    """What is wrong or doubtful in `spell`, by field and position; empty when there is nothing to say.

    Args:
        spell: Any spell, resolved or not.
        known_loras: Names on this machine; `None` leaves LoRA names unchecked.
        tokenize: The text encoder's tokenizer; `None` leaves lengths unchecked.
        family: The checkpoint's model family (`sd15`, `sdxl`, `flux`, …); `None` leaves the style unchecked.
    """
    findings: list[Finding] = []
    for field, text in (("prompt", spell.prompt), ("negative_prompt", spell.negative_prompt)):
        for rule in (*RULES, spell_rules.duplicates):
            findings += rule(field, text)
        if tokenize is not None:
            findings += spell_rules.token_budget(field, text, tokenize)
    findings += spell_rules.contradictions(spell)
    findings += spell_rules.never_switching(spell)
    findings += spell_rules.repeated_loras(spell)
    if known_loras is not None:
        findings += spell_rules.unknown_loras(spell, known_loras)
    if family is not None:
        findings += spell_rules.style(spell, family)
    return tuple(sorted(findings, key=lambda f: (_FIELDS.index(f.field), f.start, f.end, f.code)))


def mend(text: str, findings: Collection[Finding]) -> str:
    """`text` with every fix of `findings` (all of one field) applied; of overlapping ones the first in the text."""
    pieces: list[str] = []
    at = 0
    for finding in sorted(findings, key=lambda f: (f.start, f.end)):
        if finding.fix is None or finding.start < at:
            continue
        pieces += [text[at : finding.start], finding.fix]
        at = finding.end
    return "".join([*pieces, text[at:]])
