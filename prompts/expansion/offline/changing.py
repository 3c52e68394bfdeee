"""Another style, time of day, weather or look: what says the old one goes, the new one is added."""

from __future__ import annotations

import re

from prompts.expansion.edits import AddPhrase, Edit, RemoveNegative, ReplacePhrase
from prompts.expansion.offline.cutting import cut_all
from prompts.expansion.offline.looks import Look
from prompts.expansion.offline.scene import bare
from prompts.expansion.offline.scenery import State, Style, states, styles
from prompts.expansion.offline.things import kind_of_thing
from prompts.expansion.offline.words import contains, fold, folded
from prompts.expansion.phrases import phrase_key, split
from prompts.spell import Spell

_SEEN = frozenset(("light", "place", "thing"))
PREPOSITION = re.compile(r"^(?:in|on|at|during|by|under)\s+(?:the\s+|an?\s+)?", re.IGNORECASE)


def state_named(text: str) -> State | None:
    """The state that `text` names and nothing besides, or `None`; a kind of light is none: there may be several."""
    wanted = (folded(text), folded(topic(text)))
    named = (s for s in states() if any(folded(word) in wanted for word in (s.phrase, *s.words)))
    return next((state for state in named if state.group != "light"), None)


def two_states(text: str) -> tuple[State, State] | None:
    """The two states of `raining at night`, of two groups; `None` for other words."""
    match = re.fullmatch(r"(.+?) (?:at|in|on)(?: the| an?)? (.+)", text)
    both = [state_named(part) for part in match.groups()] if match else []
    if len(both) != 2 or both[0] is None or both[1] is None or both[0].group == both[1].group:
        return None
    return both[0], both[1]


def topic(text: str) -> str:
    """`in the rain` -> `rain`, `a red hat` -> `red hat`."""
    return bare(PREPOSITION.sub("", text.strip())) or text.strip()


def change_style(style: Style, phrase: str, spell: Spell) -> list[Edit]:
    """Cut what says another style; `A photograph of a cat` becomes `A watercolor painting of a cat`."""
    others = [other for other in styles() if other.name != style.name]
    led = [
        ReplacePhrase(p.core, style.lead + p.core[len(other.lead) :])
        for p in split(spell.prompt)
        for other in others
        if p.core.casefold().startswith(other.lead.casefold() + " ")
    ]
    words = [word for other in others for word in (*other.tags, *other.words)]
    cuts = cut_all(spell.prompt, words, keep=phrase, before=led)
    return [*led, *cuts, *([] if led or contains(spell.prompt, phrase) else missing(phrase, spell))]


def change_state(state: State, spell: Spell, said: str = "") -> list[Edit]:
    """Cut what says another state of the group, or light that belongs to it, then say this one.

    What was `said` stands for it when it is something to be seen: `moonlight`, a `starry sky`.
    """
    is_as_said = kind_of_thing(said) in _SEEN or (state.group == "framing" and said.casefold() in state.words)
    phrase = said if is_as_said else state.phrase
    rivals = [s for s in states() if s.group == state.group and s.name != state.name]
    kept = {fold(" ".join(folded(word))) for word in (*state.words, *state.lights)}
    words = [word for rival in rivals for word in (rival.phrase, *rival.words, *rival.lights)]
    cuts = cut_all(spell.prompt, [word for word in words if fold(" ".join(folded(word))) not in kept])
    if phrase == state.phrase and any(contains(spell.prompt, word) for word in state.words):
        return cuts
    return [*cuts, *missing(phrase, spell)]


def apply_look(look: Look, spell: Spell) -> list[Edit]:
    """Cut what contradicts the look, then say it."""
    return [*cut_all(spell.prompt, look.cut), *missing(look.add, spell)]


def missing(phrase: str, spell: Spell) -> list[Edit]:
    """Add what the prompt does not say yet; it is no longer forbidden then."""
    edits: list[Edit] = [RemoveNegative(p.core) for p in split(spell.negative_prompt) if p.key == phrase_key(phrase)]
    if not contains(spell.prompt, phrase):
        edits.append(AddPhrase(phrase))
    return edits
