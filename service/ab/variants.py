"""What may be changed between the two sides of a comparison, as people write it on the command line."""

from __future__ import annotations

from dataclasses import dataclass

from prompts.errors import PromptError
from prompts.expansion.applying import apply
from prompts.expansion.data_files import load_toml
from prompts.expansion.diff import diff
from prompts.expansion.edits import AddNegative, UseLora
from prompts.expansion.families import FamilyProfile, family_named
from prompts.expansion.refine import refine
from prompts.hands import apply_plan, plan_hands
from prompts.language import lift_loras
from prompts.spell import Spell
from service.hand_choice import choice_from_text

KINDS = ("universal", "hands", "lora", "negative", "edit", "prompt")
_LORA_WEIGHT = 0.8


@dataclass(frozen=True, slots=True)
class Variant:
    """One change, in words: `hands`, `hands:pose`, `lora:ink:0.7`, `negative:blurry`, `edit:make it night`."""

    text: str
    kind: str
    value: str = ""
    family: FamilyProfile | None = None
    """Of `hands@sd15`: the family whose words the plan uses, whatever draws."""


def variant(text: str) -> Variant:
    """The change that `text` names.

    Raises:
        PromptError: code `variant_unknown`.
        UnknownName: code `family_not_found`.
    """
    head, _, value = text.partition(":")
    kind, _, family = head.strip().casefold().partition("@")
    needs_value = kind in ("lora", "negative", "edit", "prompt")
    if kind not in KINDS or (needs_value != bool(value.strip()) and kind != "hands"):
        raise PromptError(
            f"There is no variant {text[:60]!r}. Use universal, hands, hands:pose,negatives, hands@sd15, "
            "lora:NAME:WEIGHT, negative:WORDS, edit:MESSAGE or prompt:WORDS.",
            field="variant",
            got=text[:60],
        ).with_code("variant_unknown")
    return Variant(text.strip(), kind, value.strip(), family_named(family) if family else None)


async def changed(spell: Spell, change: Variant, family: FamilyProfile) -> Spell:
    """`spell` with the change in it.

    Args:
        spell: One side of the comparison.
        change: From `variant`.
        family: Of the checkpoint that draws.

    Raises:
        PromptError: The change does not fit the spell, or a chat message was not understood.
    """
    if change.kind == "universal":
        words = load_toml("hands", "strategies.toml")["universal"]["negatives"]
        return apply(spell, [AddNegative(word) for word in words])
    if change.kind == "hands":
        choice = choice_from_text(change.value) if change.value else "auto"
        plan = plan_hands(spell, change.family or family)
        return apply_plan(spell, plan, None if isinstance(choice, str) else choice)
    if change.kind == "lora":
        return apply(spell, [_lora(change.value)])
    if change.kind == "negative":
        return apply(spell, [AddNegative(change.value)])
    if change.kind == "prompt":
        text, loras = lift_loras(change.value)
        return spell.evolve(prompt=text, loras=(*spell.loras, *loras))
    return await _edited(spell, change.value, family)


def difference(before: Spell, after: Spell) -> list[str]:
    """What the change did, one line each; empty when it did nothing."""
    return diff(before, after).lines()


def _lora(text: str) -> UseLora:
    name, colon, weight = text.rpartition(":")
    if not colon:
        return UseLora(text, _LORA_WEIGHT)
    try:
        return UseLora(name, float(weight))
    except ValueError as wrong:
        raise PromptError(f"The LoRA {text!r} is not of the form name:0.66.", field="variant", got=text).with_code(
            "lora_invalid"
        ) from wrong


async def _edited(spell: Spell, message: str, family: FamilyProfile) -> Spell:
    """By rule, so that the same message always makes the same change."""
    made = await refine(spell, message, family)
    if not made.understood:
        raise PromptError(made.reply, field="variant", got=message[:60]).with_code("variant_unknown")
    return made.spell
