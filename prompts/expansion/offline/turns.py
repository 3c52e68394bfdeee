"""A chat message read by rules: which edits it asks for, and what of it was not understood."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from prompts.errors import PromptError
from prompts.expansion.applying import apply
from prompts.expansion.data_files import load_toml
from prompts.expansion.edits import Edit
from prompts.expansion.language import Language, detect
from prompts.expansion.offline.intents import Intent, clauses, read_clause
from prompts.expansion.offline.resolving import resolve_intent
from prompts.expansion.offline.rewording import bare_words
from prompts.expansion.offline.scene import Scene
from prompts.spell import Spell

_CLAUSES = 40
"""Wishes read of one message; a longer one is a text pasted by mistake, and the rest is named as not understood."""

_CARRIES_ON = ("add", "no", "less", "more")


@dataclass(frozen=True, slots=True)
class Turn:
    """What a message asks for."""

    edits: tuple[Edit, ...]
    reply: str
    understood: bool
    base_version: int | None = None
    """0-based index of the version to start from; `None` for the current spell."""


def read_turn(spell: Spell, message: str, scene: Scene, versions: Sequence[Spell] = ()) -> Turn:
    """The edits that the rules find in `message`, tried out on `spell` one clause after the other.

    A clause that no rule understands, or whose edits do not fit the spell, changes nothing and is
    named in the reply. Each of the seven languages is read by its own patterns of `data/turns.toml`.
    """
    language = _language_of(message)
    state = spell
    edits: list[Edit] = []
    lost: list[str] = []
    base: int | None = None
    understood = False
    last: Intent | None = None
    wishes = _all_clauses(message, language)
    if len(wishes) > _CLAUSES:
        lost.append(wishes[_CLAUSES])
    for clause in wishes[:_CLAUSES]:
        intent = read_clause(clause, language)
        if intent is not None and intent.kind == "version_but":
            base = _version_index(intent, versions)
            if base is None or edits:
                lost.append(clause)
                continue
            state, understood, last = versions[base], True, intent
            continue
        found = _edits_of(clause, intent, last, state, replace(scene, language=language, message=message))
        changed = None if found is None else _tried(state, found, scene.locked)
        if found is None or changed is None:
            lost.append(clause)
            continue
        state, understood, last = changed, True, intent or last
        edits += found
    reply = _reply(language, lost, base, changed=state != spell or bool(edits), understood=understood)
    return Turn(tuple(edits), reply, understood, base)


def _language_of(message: str) -> Language:
    """The language whose patterns read `message`: the detected one, else the first that fits every clause."""
    detected = detect(message)
    if detected != "en":
        return detected
    latin: tuple[Language, ...] = ("en", "es", "fr", "de")
    fits = (
        language
        for language in latin
        if all(read_clause(clause, language) for clause in _all_clauses(message, language))
    )
    return next(fits, "en")


def _all_clauses(message: str, language: str) -> list[str]:
    verbs = load_toml("data", "turns.toml")[language]["verbs"]["words"]
    found = []
    for clause in clauses(message, language):
        if verbs:
            again = "|".join(re.escape(verb) for verb in verbs)
            found += [part for part in re.split(rf"(?i)\s+and\s+(?=(?:{again})\b)", clause) if part.strip()]
        else:
            found.append(clause)
    return found


def _edits_of(clause: str, intent: Intent | None, last: Intent | None, state: Spell, scene: Scene) -> list[Edit] | None:
    """The edits of one clause; a bare clause carries on the last one (`add a cat, a dog`)."""
    if intent is not None:
        return resolve_intent(intent, state, scene)
    bare = bare_words(clause, state, scene)
    if bare is not None:
        return bare
    if last is not None and last.kind in _CARRIES_ON and len(clause.split()) <= 6:
        return resolve_intent(Intent(last.kind, clause), state, scene)
    return None


def _tried(state: Spell, edits: Sequence[Edit], locked: Sequence[str]) -> Spell | None:
    try:
        return apply(state, edits, locked)
    except PromptError:
        return None


def _version_index(intent: Intent, versions: Sequence[Spell]) -> int | None:
    if intent.ordinal is None or not versions:
        return None
    index = intent.ordinal - 1 if intent.ordinal > 0 else len(versions) + intent.ordinal
    return index if 0 <= index < len(versions) else None


def _reply(language: str, lost: Sequence[str], base: int | None, *, changed: bool, understood: bool) -> str:
    texts = load_toml("data", "turns.toml")[language]["reply"]
    named = "; ".join(clause[:120] for clause in lost)
    if not understood:
        return str(texts["lost"]).format(clauses=named)
    parts = [texts["version"].format(number=base + 1)] if base is not None else []
    parts.append(texts["done"] if changed else texts["unchanged"])
    if lost:
        parts.append(texts["partly"].format(clauses=named))
    return " ".join(parts)
