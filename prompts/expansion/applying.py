"""`apply(spell, edits)`: the only way a chat turn changes a spell. Pure; all edits or none."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, assert_never

from prompts.errors import EditError, near_hint, near_names
from prompts.expansion.edits import (
    HIRES_NAMES,
    PARAM_NAMES,
    AddNegative,
    AddPhrase,
    DropLora,
    Edit,
    LockSpan,
    ParamValue,
    RemoveNegative,
    RemovePhrase,
    ReplacePhrase,
    Reweight,
    SetNegative,
    SetParam,
    UnlockSpan,
    UseLora,
)
from prompts.expansion.phrases import Phrase, has_tag, is_balanced, phrase_key, split, weighted
from prompts.language.networks import lift_loras
from prompts.limits import check_spell
from prompts.spell import HiresFix, Lora, Spell
from prompts.vocabulary import schedule_type_named, split_sampler, upscaler_named

PHRASE_CHARACTERS = 1_000
PHRASE_WEIGHT = (0.0, 10.0)

_INTEGERS = ("steps", "seed", "width", "height", "clip_skip", "hires_steps")
_FLOATS = ("cfg_scale", "hires_upscale_by", "hires_denoising_strength")
_TAIL_WEIGHT = re.compile(r"\s*:\s*[-+]?(?:\d+\.?\d*|\.\d+)\s*$", re.ASCII)
_REORDERS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Bidirectional controls: right-to-left scripts do without, and with them a phrase reads as another."""
_COMMA_AFTER = re.compile(r"\s*[,，、]\s*")
_COMMA_BEFORE = re.compile(r"\s*[,，、]\s*$")


def apply(spell: Spell, edits: Iterable[Edit], locked: Sequence[str] = ()) -> Spell:
    """`spell` with every edit done in order; no edits: `spell` itself.

    Args:
        spell: What stands now; it is not changed.
        edits: Done one after the other, each on the result of the one before.
        locked: Phrases that must survive; see `LockSpan`.

    Raises:
        EditError: An edit names a phrase or LoRA that is not there, touches a locked phrase, or
            carries text that is not a phrase. Nothing is applied then.
        PromptTooLong, SpellOutOfRange, UnknownName: The result would not be a usable spell.
    """
    changed = spell
    for edit in edits:
        changed = _apply_one(changed, edit, tuple(locked))
    if changed is not spell:
        check_spell(changed)
    return changed


def locks_after(locked: Sequence[str], edits: Iterable[Edit]) -> tuple[str, ...]:
    """The locked phrases once `edits` are done; locking twice is locking once."""
    held = list(locked)
    for edit in edits:
        if isinstance(edit, LockSpan) and phrase_key(edit.phrase) not in map(phrase_key, held):
            held.append(edit.phrase)
        elif isinstance(edit, UnlockSpan):
            held = [phrase for phrase in held if phrase_key(phrase) != phrase_key(edit.phrase)]
    return tuple(held)


def loras_of(spell: Spell) -> tuple[Lora, ...]:
    """Every LoRA of the spell, those that stand as tags in its prompt included."""
    return (*spell.loras, *_written(spell))


def _written(spell: Spell) -> tuple[Lora, ...]:
    held = {lora.name.casefold() for lora in spell.loras}
    loras = lift_loras(spell.prompt)[1] if has_tag(spell.prompt) else ()
    return tuple(lora for lora in loras if lora.name.casefold() not in held)


def _lifted(spell: Spell, name: str) -> Spell:
    """`spell` with the LoRA tags of its prompt among its LoRAs when one of them is `name`: they were typed by hand."""
    written = _written(spell)
    if name.casefold() not in (lora.name.casefold() for lora in written):
        return spell
    return spell.evolve(prompt=lift_loras(spell.prompt)[0], loras=(*spell.loras, *written))


def _apply_one(spell: Spell, edit: Edit, locked: tuple[str, ...]) -> Spell:
    match edit:
        case AddPhrase() | RemovePhrase() | ReplacePhrase() | Reweight():
            return spell.evolve(prompt=_edit_prompt(spell.prompt, edit, locked))
        case SetNegative() | AddNegative() | RemoveNegative():
            return spell.evolve(negative_prompt=_edit_negative(spell.negative_prompt, edit))
        case SetParam():
            return _set_param(spell, edit.name, edit.value)
        case UseLora():
            lifted = _lifted(spell, edit.name)
            return lifted.evolve(loras=_with_lora(lifted.loras, edit))
        case DropLora():
            lifted = _lifted(spell, edit.name)
            return lifted.evolve(loras=_without_lora(lifted.loras, edit.name))
        case LockSpan():
            if phrase_key(edit.phrase) not in phrase_key(spell.prompt):
                raise _not_there(spell.prompt, edit.phrase)
            return spell
        case UnlockSpan():
            return spell
        case _:
            assert_never(edit)


def _edit_prompt(
    prompt: str, edit: AddPhrase | RemovePhrase | ReplacePhrase | Reweight, locked: tuple[str, ...]
) -> str:
    if isinstance(edit, AddPhrase):
        return _add(prompt, edit.phrase, at_start=edit.where == "start")
    if isinstance(edit, RemovePhrase):
        phrase = _find(prompt, edit.phrase)
        _refuse_locked(phrase, "", locked)
        return _cut(prompt, phrase)
    if isinstance(edit, ReplacePhrase):
        phrase = _find(prompt, edit.old)
        new = _checked(edit.new)
        _refuse_locked(phrase, new, locked)
        return _splice(prompt, phrase, phrase.text.replace(phrase.core, new, 1))
    phrase = _find(prompt, edit.phrase)
    _refuse_locked(phrase, "", locked)
    low, high = PHRASE_WEIGHT
    if not math.isfinite(edit.weight) or not low <= edit.weight <= high:
        raise EditError(
            f"A phrase cannot have the weight {edit.weight}; it must be from {low:g} to {high:g}.", limit=[low, high]
        )
    return _splice(prompt, phrase, weighted(phrase.core, edit.weight))


def _edit_negative(negative: str, edit: SetNegative | AddNegative | RemoveNegative) -> str:
    if isinstance(edit, SetNegative):
        return _checked(edit.text) if edit.text.strip() else ""
    if isinstance(edit, AddNegative):
        return _add(negative, edit.phrase, at_start=False)
    return _cut(negative, _find(negative, edit.phrase))


def _add(text: str, phrase: str, *, at_start: bool) -> str:
    """`text` with those members of `phrase` that it does not hold yet."""
    _checked(phrase)
    held = {p.key for p in split(text)}
    fresh = [p.text for p in split(phrase) if p.key not in held]
    if phrase != "" and len(fresh) == len(split(phrase)):
        fresh = [phrase.strip()]
    if not fresh:
        return text
    added = ", ".join(fresh)
    if not text.strip():
        return added
    if at_start:
        return f"{added}, {text.lstrip()}"
    # A bare `:1.2` at the end is the weight of an AND composition and must stay last.
    tail = _TAIL_WEIGHT.search(text)
    body, weight = (text[: tail.start()], tail.group()) if tail else (text, "")
    body = body.rstrip()
    if body.endswith(".") and not body.endswith(".."):
        # Prose goes on inside its last sentence.
        body, weight = body[:-1], "." + weight
    glue = " " if body.endswith((",", "，", "、", "BREAK", "AND")) else ", "
    return f"{body}{glue}{added}{weight}"


def _cut(text: str, phrase: Phrase) -> str:
    """`text` without `phrase` and without one of the commas around it."""
    before, after = text[: phrase.start], text[phrase.end :]
    comma = _COMMA_AFTER.match(after)
    if comma:
        return before + after[comma.end() :]
    stripped = _COMMA_BEFORE.sub("", before)
    if stripped != before:
        return stripped + after
    return (before + after.lstrip()) if not before.strip() else (before.rstrip() + after)


def _splice(text: str, phrase: Phrase, new: str) -> str:
    return text[: phrase.start] + new + text[phrase.end :]


def _find(text: str, wanted: str) -> Phrase:
    key = phrase_key(wanted)
    for phrase in split(text):
        if key and key in (phrase.key, phrase_key(phrase.text)):
            return phrase
    raise _not_there(text, wanted)


def _not_there(text: str, wanted: str) -> EditError:
    near = near_names(wanted, [p.core for p in split(text)])
    return EditError(
        f"There is no phrase {wanted[:80]!r} to change.{near_hint(near)}", got=wanted[:80], near=list(near)
    )


def _refuse_locked(phrase: Phrase, new: str, locked: tuple[str, ...]) -> None:
    for lock in locked:
        key = phrase_key(lock)
        if key and key in phrase_key(phrase.text) and key not in phrase_key(new):
            raise EditError(f"{lock!r} is locked. Unlock it first to change it.", field="prompt", got=lock)


def _checked(phrase: str) -> str:
    """`phrase` trimmed, when it can stand in a prompt without breaking what is around it."""
    text = phrase.strip()
    if not text or len(text) > PHRASE_CHARACTERS:
        raise EditError(
            f"A phrase needs 1 to {PHRASE_CHARACTERS} characters; this one has {len(text)}.",
            got=len(text),
            limit=PHRASE_CHARACTERS,
        )
    if has_tag(text):
        raise EditError("LoRAs are not written into the text. Use the LoRA by its name instead.", got=text[:80])
    if not is_balanced(text) or text.endswith("\\"):
        raise EditError(f"The brackets of {text[:80]!r} are not closed.", got=text[:80])
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise EditError("A phrase holds a control character; write it without line breaks.", field="phrase")
    if _REORDERS.search(text):
        raise EditError("A phrase holds an invisible sign that turns its letters round. Take it out.", field="phrase")
    return text


def _set_param(spell: Spell, name: str, value: ParamValue) -> Spell:
    if name in PARAM_NAMES:
        return spell.evolve(**_param_changes(name, value))
    if name not in HIRES_NAMES:
        near = near_names(name, PARAM_NAMES + HIRES_NAMES)
        raise EditError(f"There is no parameter {name[:40]!r}.{near_hint(near)}", field=name[:40], near=list(near))
    hires = spell.params.hires
    if name == "hires":
        wanted = None if value in (None, False) else (hires or HiresFix())
        return spell.evolve(hires=wanted)
    field = name.removeprefix("hires_")
    default = getattr(HiresFix(), field)
    changes: dict[str, Any] = {field: default if value is None else _param_value(name, value)}
    return spell.evolve(hires=replace(hires or HiresFix(), **changes))


def _param_changes(name: str, value: ParamValue) -> dict[str, ParamValue]:
    if value is None:
        return {name: None}
    if name == "sampler":
        sampler, schedule = split_sampler(str(value))
        return {"sampler": sampler} if schedule is None else {"sampler": sampler, "schedule_type": schedule}
    if name == "schedule_type":
        return {name: schedule_type_named(str(value))}
    return {name: _param_value(name, value)}


def _param_value(name: str, value: ParamValue) -> ParamValue:
    if name == "hires_upscaler":
        return upscaler_named(str(value))
    if name not in _INTEGERS + _FLOATS:
        return str(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise EditError(f"{name} must be a number, not {str(value)[:40]!r}.", field=name, got=str(value)[:40])
    if name in _FLOATS:
        return float(value)
    if value != int(value):
        raise EditError(f"{name} must be a whole number, not {value}.", field=name, got=value)
    return int(value)


def _with_lora(loras: tuple[Lora, ...], edit: UseLora) -> tuple[Lora, ...]:
    if not edit.name.strip() or any(char in edit.name for char in "<>:\n"):
        raise EditError(f"{edit.name[:40]!r} is not the name of a LoRA.", field="loras", got=edit.name[:40])
    if edit.name.casefold() not in (lora.name.casefold() for lora in loras):
        return (*loras, Lora(edit.name, edit.weight))
    same = edit.name.casefold()
    return tuple(
        replace(lora, weight=edit.weight, unet_weight=None) if lora.name.casefold() == same else lora for lora in loras
    )


def _without_lora(loras: tuple[Lora, ...], name: str) -> tuple[Lora, ...]:
    kept = tuple(lora for lora in loras if lora.name.casefold() != name.casefold())
    if len(kept) == len(loras):
        near = near_names(name, [lora.name for lora in loras])
        raise EditError(
            f"The spell uses no LoRA called {name[:40]!r}.{near_hint(near)}",
            field="loras",
            got=name[:40],
            near=list(near),
        )
    return kept
