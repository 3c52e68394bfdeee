"""The versions of a stored spell as a tree: where undo leads, which version stands for which, and exact replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prompts.expansion.applying import apply
from prompts.expansion.edit_json import edits_from_json
from prompts.expansion.edits import Edit
from prompts.hands import RECORD
from prompts.spell import Spell
from service.spells import SpellVersion

SAME_AS = "same_as"
"""Key in `SpellVersion.details` of a version that only goes back: the number of the one it repeats."""


def standing_for(versions: Sequence[SpellVersion], number: int) -> SpellVersion:
    """The version that `number` repeats when it only went back to one, else itself.

    Args:
        versions: All of one spell, oldest first.
        number: From 1.
    """
    version = versions[number - 1]
    while (repeated := version.details.get(SAME_AS)) is not None:
        version = versions[int(repeated) - 1]
    return version


def before(versions: Sequence[SpellVersion], number: int) -> int | None:
    """The number of the version that undoing `number` goes back to; `None` at the first."""
    parent = standing_for(versions, number).parent
    return None if parent is None else standing_for(versions, parent).number


def details_of_return(source: SpellVersion, edits: Sequence[Edit]) -> dict[str, Any]:
    """The details that mark a version made of `source` without any edit as going back to it."""
    return {} if edits else {SAME_AS: source.number}


def replayed(versions: Sequence[SpellVersion]) -> tuple[Spell, ...]:
    """Every version's spell made again from the first one and the stored edits alone.

    Versions written by hand carry no edits and are taken as they are; those that only go back repeat another.

    Raises:
        EditError: What is stored does not fit together.
    """
    spells: list[Spell] = []
    for version in versions:
        edits, repeated = version.details.get("edits"), version.details.get(SAME_AS)
        if version.parent is None or edits is None:
            spells.append(version.spell if repeated is None else spells[int(repeated) - 1])
            continue
        made = apply(spells[version.parent - 1], edits_from_json(edits))
        spells.append(_with_hands(made, version.details.get("hands")))
    return tuple(spells)


def _with_hands(spell: Spell, hands: Mapping[str, Any] | None) -> Spell:
    if hands is None:
        return spell
    done = apply(spell, edits_from_json(hands.get("edits", [])))
    others = tuple(pair for pair in done.extra if pair[0] != RECORD)
    record = hands.get("record")
    return done.evolve(extra=others if record is None else (*others, (RECORD, record)))
