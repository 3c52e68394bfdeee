"""A chat message read by rules: which edits it asks for, and what of it was not understood."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from prompts.errors import PromptError, UnknownName
from prompts.expansion.applying import apply
from prompts.expansion.data_files import load_toml
from prompts.expansion.edits import Edit
from prompts.expansion.language import Language, detect
from prompts.expansion.offline.filling import fill_named, leading_value
from prompts.expansion.offline.glossary import english_kinds
from prompts.expansion.offline.guarding import guarded
from prompts.expansion.offline.intents import (
    Intent,
    clauses,
    grammar,
    read_clause,
    readings,
    said_otherwise,
    strip_polite,
)
from prompts.expansion.offline.mentions import mentions
from prompts.expansion.offline.recoloring import look_class
from prompts.expansion.offline.resolving import resolve_intent
from prompts.expansion.offline.rewording import bare_words
from prompts.expansion.offline.scene import Scene, bare
from prompts.expansion.offline.suggesting import numbered, picked, suggestions_for
from prompts.expansion.offline.things import is_noun
from prompts.expansion.offline.words import fold, words
from prompts.spell import Spell

_CLAUSES = 40
"""Wishes read of one message; a longer one is a text pasted by mistake, and the rest is named as not understood."""

_VERB_TWICE = re.compile(
    r"(?P<verb>change|turn|convert|transform|switch|dye|paint|replace|swap|exchange|substitute) "
    r"(?P<first>.+? (?P<joint>to|into|with|for|by) .+?) and (?P<second>(?!an? ).+? (?P=joint) .+)",
    re.IGNORECASE,
)
_LOOK_TWICE = re.compile(
    r"(?P<verb>make|paint|colou?r|dye|turn|draw) (?P<first>the \S.*\S) and (?P<second>the \S+ .*\S)", re.IGNORECASE
)
_THINGS = re.compile(r"\s*(?:,|\band\b)\s*", re.IGNORECASE)
_MOST_EDITS = 100
"""Of one wish; a prompt of more phrases that all speak of one thing was made by no person."""
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
    texts = load_toml("data", "turns.toml")[language]["reply"]
    read = _Reading(spell, scene=replace(scene, language=language, message=message))
    wishes = _all_clauses(message, language)
    for clause in wishes[:_CLAUSES]:
        wish = read.picked(clause)
        is_done = wish is None and read.take_version(clause, versions, texts)
        if not is_done and not read.take(wish or clause, texts):
            read.lost.append(clause)
    read.lost += wishes[_CLAUSES : _CLAUSES + 1]
    return Turn(tuple(read.edits), _reply(texts, read, spell), read.understood, read.base)


@dataclass(slots=True)
class _Reading:
    """How far a message has been read."""

    state: Spell
    scene: Scene
    edits: list[Edit] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Sentences for the reply beside what was done and what was not understood."""
    opinions: int = 0
    """Clauses among the lost ones that only say how the picture is liked."""
    base: int | None = None
    understood: bool = False
    last: Intent | None = None

    def picked(self, clause: str) -> str | None:
        """The suggestion of the last reply that `clause` picks; `None` when it picks none."""
        intent = read_clause(clause, self.scene.language)
        ordinal = intent.ordinal if intent is not None and intent.kind == "version_but" else None
        return picked(clause, ordinal, self.scene.last_reply)

    def take_version(self, clause: str, versions: Sequence[Spell], texts: Mapping[str, str]) -> bool:
        """Start from the version that `clause` names or goes back to; whether it is such a wish and there is one."""
        intent = read_clause(clause, self.scene.language)
        if intent is None or intent.kind not in ("version_but", "undo") or self.edits:
            return False
        index = self.scene.undo_to if intent.kind == "undo" else _version_index(intent, versions)
        if index is None and intent.kind == "undo":
            self.understood = True
            self.notes.append(texts["no_undo"])
            return True
        if index is None:
            return False
        self.base, self.state, self.understood, self.last = index, versions[index], True, intent
        return True

    def take(self, clause: str, texts: Mapping[str, str]) -> bool:
        """Do what `clause` asks for; whether a rule understood it and its edits fit."""
        said = said_otherwise(clause, self.scene.language)
        if said == "":
            self.understood = True
            return True
        clause = said or clause
        if self._fill(clause) or self._fill(clause := self._after_leading(clause)):
            return True
        for language in _languages_of(clause, self.scene.language):
            scene = replace(self.scene, language=language)
            for intent in (*readings(clause, language), None):
                if intent is not None and intent.kind == "opinion":
                    self.opinions += 1
                    return False
                if intent is not None and self._answer(intent, texts):
                    return True
                try:
                    done = self._do(clause, intent, scene)
                except UnknownName as unknown:
                    self._note_near(unknown, texts)
                    return False
                if done is not None:
                    self.notes += [texts["again"]] if intent is not None and intent.kind == "random_seed" else []
                    return done
        return False

    def _after_leading(self, clause: str) -> str:
        """What is left of `低头看书` once its first wish is done; the whole where it is one wish."""
        first, rest = leading_value(strip_polite(clause, grammar(self.scene.language)))
        return rest if first and self._would_do(rest) and self._fill(first) else clause

    def _would_do(self, clause: str) -> bool:
        """Whether `clause` alone is known words: `看书` of `低头看书`."""
        try:
            return fill_named(clause, self.state) is not None or bool(bare_words(clause, self.state, self.scene))
        except PromptError:
            return False

    def _fill(self, clause: str) -> bool:
        """Whether a slot of the prompt lists `clause` word for word, and its edits fit."""
        edits = fill_named(strip_polite(clause, grammar(self.scene.language)), self.state)
        changed = None if edits is None else _tried(self.state, edits, self.scene.locked)
        if edits is None or changed is None:
            return False
        self.state, self.understood = changed, True
        self.edits += edits
        return True

    def _answer(self, intent: Intent, texts: Mapping[str, str]) -> bool:
        """Greet, or offer what a thing may be changed to; whether that is all that was wanted."""
        said = texts["hello"] if intent.kind == "talk" else ""
        if intent.kind == "vague":
            offered = suggestions_for(intent.x, self.scene.language)
            said = texts["ask"].format(options=numbered(offered)) if offered else ""
        if said:
            self.understood = True
            self.notes.append(said)
        return bool(said)

    def _do(self, clause: str, intent: Intent | None, scene: Scene) -> bool | None:
        """Do `clause` read as `intent` (`None`: as bare words).

        Whether its edits fit the spell (a lock or a limit may refuse them); `None` when none could be told.
        """
        if intent is not None and intent.kind == "version_but":
            return None
        found = _edits_of(clause, intent, self.last, self.state, scene)
        safe = None if found is None else guarded(found)
        if safe is None or len(safe) > _MOST_EDITS:
            return None
        changed = _tried(self.state, safe, scene.locked)
        if changed is None:
            return False
        self.state, self.understood, self.last = changed, True, intent or self.last
        self.edits += safe
        return True

    def _note_near(self, unknown: UnknownName, texts: Mapping[str, str]) -> None:
        near = unknown.facts.get("near")
        if isinstance(near, list) and near:
            self.notes.append(texts["near"].format(name=unknown.facts["got"], near=", ".join(near)))


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


def _languages_of(clause: str, language: Language) -> tuple[Language, ...]:
    """The languages whose patterns may read `clause`: ASCII inside Chinese (`换成夜晚, 10 steps`) is English first."""
    if language in ("zh", "ja", "ko") and clause.isascii():
        return ("en", language)
    return (language, "en") if clause.isascii() and language != "en" else (language,)


def _all_clauses(message: str, language: str) -> list[str]:
    verbs = load_toml("data", "turns.toml")[language]["verbs"]["words"]
    found = []
    for clause in clauses(message, language):
        if verbs:
            again = "|".join(re.escape(verb) for verb in verbs)
            parts = (part for part in re.split(rf"(?i)\s+and\s+(?=(?:{again})\b)", clause) if part.strip())
            found += [wish for part in parts for wish in _each_of_verb(part)]
        else:
            found.append(clause)
    return found


def _each_of_verb(clause: str) -> list[str]:
    """`change the hair to pink and the eyes to blue`, `make the hair pink and the eyes blue`: a clause for each."""
    match = _VERB_TWICE.fullmatch(clause) or _LOOK_TWICE.fullmatch(clause)
    if match is None:
        return [clause]
    ends = [words(match[part])[-1] for part in ("first", "second")]
    looks = (look_class(end) or (end.endswith("er") and fold(end) not in english_kinds()) for end in ends)
    if "joint" not in match.groupdict() and not all(looks):
        return [clause]
    return [f"{match['verb']} {match['first']}", f"{match['verb']} {match['second']}"]


def _edits_of(clause: str, intent: Intent | None, last: Intent | None, state: Spell, scene: Scene) -> list[Edit] | None:
    """The edits of one clause; a bare clause carries on the last one (`add a cat, a dog`)."""
    try:
        return _edits_or_refusal(clause, intent, last, state, scene)
    except UnknownName:
        raise
    except PromptError:
        return None


def _edits_or_refusal(
    clause: str, intent: Intent | None, last: Intent | None, state: Spell, scene: Scene
) -> list[Edit] | None:
    if intent is not None:
        return resolve_intent(intent, state, scene)
    asked = scene.as_written(strip_polite(clause, grammar(scene.language)))
    if last is not None and last.kind == "no" and _goes_too(asked, state, scene):
        return resolve_intent(Intent("no", asked), state, scene)
    done = bare_words(asked, state, scene)
    if done is not None:
        return done
    is_doing = re.search(r"^[a-z]+ing\b|\b(?:is|are|looks?)\b", scene.english(asked)) is not None
    if last is not None and last.kind in _CARRIES_ON and len(clause.split()) <= 6 and not is_doing:
        return resolve_intent(Intent(last.kind, clause), state, scene)
    return None


def _goes_too(clause: str, state: Spell, scene: Scene) -> bool:
    """Whether `the cloak and the armor` after `remove the bow` go as well: the prompt has them."""
    things = _THINGS.split(scene.english(clause))
    is_told = re.match(r"(?:the|her|his|its|their|any)\s", clause, re.IGNORECASE) is not None
    lasts = (words(thing)[-1:] for thing in things)
    is_things = is_told and all(last and is_noun(last[0]) for last in lasts)
    return is_things or all(mentions(state.prompt, bare(thing)) for thing in things)


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


def _reply(texts: Mapping[str, str], read: _Reading, before: Spell) -> str:
    named = "; ".join(clause[:120] for clause in read.lost)
    if not read.understood:
        only_liked = read.opinions == len(read.lost) > 0
        if only_liked:
            return texts["opinion"]
        return " ".join([texts["partly" if read.notes else "lost"].format(clauses=named), *read.notes])
    parts = [texts["version"].format(number=read.base + 1)] if read.base is not None else []
    if read.state != before or read.edits:
        parts.append(texts["done"])
    elif not read.notes:
        parts.append(texts["unchanged"])
    if len(read.lost) > read.opinions:
        parts.append(texts["partly"].format(clauses=named))
    return " ".join([*parts, *read.notes])
