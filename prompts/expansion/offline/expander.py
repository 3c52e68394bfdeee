"""The deterministic expander: an idea becomes a prompt by tables and a phrase grammar."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from prompts.expansion.catalogue import LoraCard, missing_trigger
from prompts.expansion.families import FamilyProfile
from prompts.expansion.language import Language
from prompts.expansion.notes import Note, note
from prompts.expansion.offline.asking_words import strip_request, take_negations
from prompts.expansion.offline.scenery import Style, states_in, style_called, style_in
from prompts.expansion.offline.subjects import is_fantastic, subject_kind
from prompts.expansion.offline.tokens import estimate_tokens
from prompts.expansion.offline.translation import translate
from prompts.expansion.offline.words import contains
from prompts.expansion.phrases import phrase_key, split
from prompts.language import lift_loras
from prompts.spell import Lora, Params, Spell

_WIDE_WORDS = ("landscape", "panorama", "wide shot", "skyline", "wallpaper", "horizon", "widescreen", "scenery")
_TALL_WORDS = ("portrait", "full body", "standing", "tower", "waterfall", "phone wallpaper", "skyscraper")
_LARGE_WORDS = ("high resolution", "high-resolution", "4k", "8k", "hd", "uhd", "ultra hd", "wallpaper", "large print")


_RESERVED_TOKENS = 15
"""Room that additions leave for the hand plan and a first chat turn."""


@dataclass(slots=True)
class _Draft:
    """The prompt as it grows; phrases beyond the family's token budget are not taken in."""

    text: str
    budget: int
    added: list[str] = field(default_factory=list)

    def offer(self, phrase: str) -> bool:
        """Add `phrase` unless it is there already or does not fit; whether it was added."""
        whole = ", ".join([self.text, *self.added])
        if contains(whole, phrase) or estimate_tokens(whole) + estimate_tokens(phrase) + 1 > self.budget:
            return False
        self.added.append(phrase)
        return True


@dataclass(frozen=True, slots=True)
class OfflineResult:
    """The spell and what a person should know about it."""

    spell: Spell
    notes: tuple[Note, ...]


def expand_offline(
    idea: str, family: FamilyProfile, language: Language, seed: int, catalogue: Sequence[LoraCard]
) -> OfflineResult:
    """A spell for `idea`; the same arguments always give the same spell.

    The words of the idea are never cut: an idea longer than the family's budget is kept whole, adds
    nothing, and a note says so.
    """
    notes: list[Note] = []
    lifted, own_loras = lift_loras(idea)
    lifted = _without_gaps(lifted) if own_loras else lifted
    translated = translate(lifted, language)
    if translated.unknown:
        notes.append(note("idea.left_out", words=", ".join(translated.unknown[:8])))
    if translated.unknown and not translated.has_subject:
        notes.append(note("idea.no_subject"))
    text, negated = take_negations(strip_request(translated.text))
    text = text.strip(" ,")
    if not text:
        text = lifted.strip() or ", ".join(lora.name.strip() for lora in own_loras) or "picture"
        notes.append(note("idea.untranslated"))
    if estimate_tokens(text) > family.max_tokens:
        notes.append(note("idea.too_long", limit=family.max_tokens))
    style = style_in(text)
    draft = _Draft(text, family.max_tokens - _RESERVED_TOKENS)
    loras = (*own_loras, *_matching_loras(text, catalogue, own_loras, draft))
    chosen = style
    if family.style != "caption":
        chosen = style or _default_style(text)
        if style is None:
            notes.append(note("idea.style_chosen", style=chosen.tags[0]))
        _enrich(draft, chosen, style is not None, family, _dice(idea, seed))
    spell = Spell(
        prompt=_joined(draft, chosen, style, family),
        negative_prompt=_negative(text, (*translated.negatives, *negated), chosen, family),
        loras=loras,
        params=_params(text, family),
    )
    return OfflineResult(spell, tuple(notes))


def _without_gaps(text: str) -> str:
    """`text` without the empty phrase that a lifted tag leaves: `1girl, , silver hair` -> `1girl, silver hair`."""
    closed = re.sub(r",(?:\s*,)+", ",", text)
    return re.sub(r"([(\[])\s*,\s*", r"\1", closed).strip(" ,")


def params_for(orientation: str, family: FamilyProfile) -> Params:
    """The family's defaults for a `square`, `portrait` or `landscape` picture."""
    defaults = family.defaults
    if orientation == "square":
        return defaults
    width, height = family.portrait if orientation == "portrait" else family.landscape
    return Spell(params=defaults).evolve(width=width, height=height).params


def _dice(idea: str, seed: int) -> random.Random:
    """Random numbers that depend on the idea and the seed only, on every machine."""
    digest = hashlib.sha256(f"{seed}\n{idea}".encode()).digest()
    return random.Random(digest)


def _default_style(text: str) -> Style:
    return style_called("digital_painting" if is_fantastic(text) else "photo")


def _enrich(draft: _Draft, style: Style, is_named: bool, family: FamilyProfile, dice: random.Random) -> None:  # noqa: FBT001
    """Add medium, framing, light and quality, each only where the idea leaves it open."""
    known = states_in(draft.text)
    groups = {state.group for state in known}
    is_prose = family.style == "prose"
    if not is_named and not is_prose:
        draft.offer(style.tags[0])
    if "framing" not in groups:
        draft.offer(_framing(draft.text, dice))
    if style.takes_light and "light" not in groups:
        lights = [light for state in known for light in state.lights] or ["soft natural light", "gentle side light"]
        draft.offer(dice.choice(lights))
    for tag in style.tags[1:]:
        draft.offer(tag)
    for phrase in family.quality:
        draft.offer(phrase)


def _framing(text: str, dice: random.Random) -> str:
    choices = {
        "person": ("medium shot", "upper body", "three-quarter view"),
        "animal": ("eye-level view", "medium shot", "centered composition"),
        "place": ("wide shot", "balanced composition", "deep perspective"),
        "food": ("close-up", "table-top view"),
        "thing": ("centered composition", "three-quarter view"),
    }
    return dice.choice(choices[subject_kind(text)])


def _joined(draft: _Draft, style: Style | None, named: Style | None, family: FamilyProfile) -> str:
    if family.style != "prose":
        return ", ".join([draft.text, *draft.added])
    text = draft.text
    if style is not None and named is None and not any(mark in text for mark in ("BREAK", " AND ")):
        text = f"{style.lead} {text}"
    if not draft.added:
        return text
    rest = ", ".join(draft.added)
    return f"{text.rstrip('.')}. {rest[0].upper()}{rest[1:]}."


def _negative(text: str, asked: Sequence[str], style: Style | None, family: FamilyProfile) -> str:
    """What the idea forbids first, then what spoils the style, then the family's defaults."""
    phrases = list(asked)
    offered = (*(style.negatives if style else ()), *family.negatives) if family.style != "caption" else ()
    phrases += [phrase for phrase in offered if not contains(text, phrase)]
    return ", ".join({phrase_key(p): p for p in phrases}.values())


def _params(text: str, family: FamilyProfile) -> Params:
    tall = any(contains(text, word) for word in _TALL_WORDS)
    wide = any(contains(text, word) for word in _WIDE_WORDS) or subject_kind(text) == "place"
    params = params_for("portrait" if tall else "landscape" if wide else "square", family)
    if any(contains(text, word) for word in _LARGE_WORDS):
        return Spell(params=params).evolve(hires=family.hires).params
    return params


def _matching_loras(text: str, catalogue: Sequence[LoraCard], own: Sequence[Lora], draft: _Draft) -> list[Lora]:
    """LoRAs whose name or trigger word the idea speaks of, with their trigger words put into the prompt."""
    chosen = []
    for card in catalogue:
        name = card.name.replace("_", " ").replace("-", " ")
        is_own = any(lora.name.casefold() == card.name.casefold() for lora in own)
        is_named = any(contains(text, word) for word in (name, *card.triggers))
        if not (is_own or is_named):
            continue
        trigger = missing_trigger(card, text)
        if trigger is not None:
            draft.offer(trigger)
        if not is_own:
            chosen.append(Lora(card.name, card.weight))
    return chosen


def first_phrase(prompt: str) -> str:
    """The phrase that a prompt begins with; empty for an empty prompt."""
    phrases = split(prompt)
    return phrases[0].core if phrases else ""
