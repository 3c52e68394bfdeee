"""`lint`: everything worth saying about a spell before it is drawn."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from prompts.language import dialect_rules, spell_rules
from prompts.language.chunks import Tokenize
from prompts.language.examined import Examined
from prompts.language.finding import Finding
from prompts.language.text_rules import RULES
from prompts.spell import Spell

_TEXT_RULES = (
    *RULES,
    dialect_rules.compel,
    dialect_rules.square_numbers,
    dialect_rules.dynamic,
    spell_rules.duplicates,
)
FIELDS = ("prompt", "negative_prompt", "hires_prompt", "hires_negative_prompt", "loras")
"""Where findings can stand, in the order they are told."""


@dataclass(frozen=True, slots=True)
class _Knowledge:
    """What this machine has, as far as the caller told."""

    embeddings: Collection[str] | None
    tokenize: Tokenize | None


def lint(
    spell: Spell,
    known_loras: Collection[str] | None = None,
    tokenize: Tokenize | None = None,
    family: str | None = None,
    known_embeddings: Collection[str] | None = None,
) -> tuple[Finding, ...]:
    """What is wrong or doubtful in `spell`, by field and position; empty when there is nothing to say.

    Args:
        spell: Any spell, resolved or not.
        known_loras: Names on this machine; `None` leaves LoRA names unchecked.
        tokenize: The text encoder's tokenizer; `None` leaves lengths unchecked.
        family: The checkpoint's model family (`sd15`, `sdxl`, `flux`, …); `None` leaves the style unchecked.
        known_embeddings: Names on this machine; `None` leaves embedding names unchecked.
    """
    knows = _Knowledge(known_embeddings, tokenize)
    prompt, negative = Examined("prompt", spell.prompt), Examined("negative_prompt", spell.negative_prompt)
    findings = _text_findings(prompt, knows, spell.params.steps) + _text_findings(negative, knows, spell.params.steps)
    findings += spell_rules.contradictions(prompt, negative)
    findings += _hires_findings(spell, knows)
    findings += spell_rules.repeated_loras(spell)
    if known_loras is not None:
        findings += spell_rules.unknown_loras(spell, known_loras)
        findings += spell_rules.unknown_lora_tags(prompt, known_loras)
    if family is not None:
        findings += spell_rules.style(prompt, family)
    return tuple(sorted(findings, key=lambda f: (FIELDS.index(f.field), f.start, f.end, f.code)))


def _text_findings(it: Examined, knows: _Knowledge, steps: int | None) -> list[Finding]:
    if not it.text:
        return []
    findings = [finding for rule in _TEXT_RULES for finding in rule(it)]
    findings += dialect_rules.embeddings(it, knows.embeddings)
    if steps is not None:
        findings += spell_rules.idle_schedules(it, steps)
    if knows.tokenize is not None:
        findings += spell_rules.token_budget(it, knows.tokenize)
    return findings


def _hires_findings(spell: Spell, knows: _Knowledge) -> list[Finding]:
    """The hires pass's own prompts; its schedule counts differently, so its steps are left alone."""
    hires = spell.params.hires
    if hires is None:
        return []
    prompt = _text_findings(Examined("hires_prompt", hires.prompt or ""), knows, None)
    return prompt + _text_findings(Examined("hires_negative_prompt", hires.negative_prompt or ""), knows, None)


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


def mend_spell(spell: Spell, findings: Collection[Finding]) -> Spell:
    """`spell` with every fix of `findings` applied to its prompts and LoRA names."""
    prompt = mend(spell.prompt, [f for f in findings if f.field == "prompt"])
    negative = mend(spell.negative_prompt, [f for f in findings if f.field == "negative_prompt"])
    names = {f.start: f.fix for f in findings if f.field == "loras" and f.fix}
    loras = tuple(replace(lora, name=names.get(i, lora.name)) for i, lora in enumerate(spell.loras))
    return replace(spell, prompt=prompt, negative_prompt=negative, loras=loras)
