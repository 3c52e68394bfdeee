"""What the hand plan did to a spell, written down in the spell itself, and the way back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prompts.errors import EditError
from prompts.expansion.applying import apply
from prompts.expansion.edits import AddNegative, AddPhrase, Edit, RemoveNegative, RemovePhrase
from prompts.expansion.phrases import phrase_key, split
from prompts.spell import Spell

RECORD = "Hand plan"
"""Key in `Spell.extra` under which the added phrases are written down."""


@dataclass(frozen=True, slots=True)
class Record:
    """The phrases that the plan added, without their weights."""

    prompt: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    declined: tuple[str, ...] = ()
    """Phrases it added once and a person took out: it does not add them again."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write down."""
        return not (self.prompt or self.negative or self.declined)


def read_record(spell: Spell) -> Record:
    """What the plan did to `spell`; empty where it did nothing, and for another tool's text under our key."""
    try:
        found = json.loads(dict(spell.extra)[RECORD])
        parts = {name: found.get(name, []) for name in Record.__slots__}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Record()
    if not all(isinstance(part, list) and all(isinstance(p, str) for p in part) for part in parts.values()):
        return Record()
    return Record(**{name: tuple(part) for name, part in parts.items()})


def with_record(spell: Spell, record: Record) -> Spell:
    """`spell` with `record` in place of the one it carries; an empty one leaves no trace."""
    others = tuple(pair for pair in spell.extra if pair[0] != RECORD)
    if record.is_empty:
        return spell.evolve(extra=others)
    written = {
        name: list(getattr(record, name)) for name in Record.__slots__ if getattr(record, name) or name[0] != "d"
    }
    return spell.evolve(extra=(*others, (RECORD, json.dumps(written, ensure_ascii=False))))


def standing(phrases: Iterable[str], text: str) -> tuple[str, ...]:
    """Those of `phrases` that `text` still holds."""
    held = {p.key for p in split(text)}
    return tuple(phrase for phrase in phrases if phrase_key(phrase) in held)


def take_out(spell: Spell) -> Spell:
    """`spell` without what the plan added; phrases that were edited or removed since stay as they are."""
    if RECORD not in dict(spell.extra):
        return spell
    clean = with_record(spell, Record())
    record = read_record(spell)
    removals: list[Edit] = [*map(RemovePhrase, record.prompt), *map(RemoveNegative, record.negative)]
    for edit in removals:
        try:
            clean = apply(clean, [edit])
        except EditError:
            continue  # a person has changed or removed it since
    return clean


def bring_to(
    spell: Spell, wanted: Iterable[AddPhrase | AddNegative], locked: Sequence[str] = ()
) -> tuple[Spell, list[Edit]]:
    """(`spell` in which the plan stands for `wanted` and nothing else, the edits that got it there).

    What it added before and still wants stays where it is, weight included. What a person took out
    is not added again. Phrases in `locked` are the person's own by now: they stay.
    """
    before = read_record(spell)
    there = Record(standing(before.prompt, spell.prompt), standing(before.negative, spell.negative_prompt))
    gone = set(before.prompt + before.negative) - set(there.prompt + there.negative)
    declined = tuple(sorted({*before.declined, *gone}))
    asked = [edit for edit in wanted if not _keys(edit.phrase) & {phrase_key(p) for p in declined}]
    prompt = {key for edit in asked if isinstance(edit, AddPhrase) for key in _keys(edit.phrase)}
    negative = {key for edit in asked if isinstance(edit, AddNegative) for key in _keys(edit.phrase)}
    own = {phrase_key(phrase) for phrase in locked}
    edits: list[Edit] = [
        *(RemovePhrase(p) for p in there.prompt if phrase_key(p) not in prompt | own),
        *(RemoveNegative(p) for p in there.negative if phrase_key(p) not in negative | own),
        *(e for e in asked if not _keys(e.phrase) <= {p.key for p in split(_field(spell, e))}),
    ]
    done = apply(spell, edits)
    record = Record(
        tuple(p for p in there.prompt if phrase_key(p) in prompt) + _new(spell.prompt, done.prompt),
        tuple(p for p in there.negative if phrase_key(p) in negative)
        + _new(spell.negative_prompt, done.negative_prompt),
        declined,
    )
    return (done if record == before else with_record(done, record)), edits


def _field(spell: Spell, edit: AddPhrase | AddNegative) -> str:
    return spell.prompt if isinstance(edit, AddPhrase) else spell.negative_prompt


def _keys(phrase: str) -> set[str]:
    return {p.key for p in split(phrase)}


def _new(old: str, new: str) -> tuple[str, ...]:
    before = {p.key for p in split(old)}
    return tuple(p.core for p in split(new) if p.key not in before)
