"""The way back: draw what a photo's spell says, look at both, and say what to write differently."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from PIL import Image

from prompts.errors import SpellwrightError
from prompts.expansion.applying import apply
from prompts.expansion.edit_json import edit_to_json
from prompts.expansion.edits import AddNegative, AddPhrase, Edit, RemoveNegative, RemovePhrase, Reweight
from prompts.expansion.phrases import phrase_key, split
from prompts.interrogation.compare import Comparison, compare
from prompts.interrogation.description import NO_CAPTION
from prompts.interrogation.interrogator import Interrogator
from prompts.interrogation.result import Interrogation, Term, plain_text
from prompts.interrogation.wishes import Wishes
from prompts.spell import Spell

MOST_EDITS = 3  # of each direction: a person reads them, and the next round shows what is left
STRONGER = 1.2
"""Weight of a phrase that was said and not drawn."""
COMPARED_IN = "fast"
"""The mode in which the two pictures are compared, without captions: a sentence would be another one each time."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One typed edit and why."""

    edit: Edit
    because: Term
    """What the reference shows and the drawn picture does not, or the other way round."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        similarity = self.because.similarity
        return {
            "edit": edit_to_json(self.edit),
            "because": {
                "term": self.because.text,
                "category": self.because.category,
                "source": self.because.source,
                "similarity": None if similarity is None else round(similarity, 6),
                "only_in": "drawn" if isinstance(self.edit, RemovePhrase | AddNegative) else "reference",
            },
        }


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A photo, the picture that its spell draws, how far they are apart, and what to change."""

    spell: Spell
    """What was drawn."""
    reference: Interrogation
    drawn: Interrogation
    comparison: Comparison
    proposals: tuple[Proposal, ...]
    """Empty when nothing was found to say differently."""
    proposed: Spell
    """`spell` with the proposals in it; `spell` itself without any."""

    def to_json(self) -> dict[str, Any]:
        """Everything but the spells, as plain values."""
        return {
            "comparison": self.comparison.to_json(),
            "proposals": [proposal.to_json() for proposal in self.proposals],
            "reference": self.reference.to_json(),
            "drawn": self.drawn.to_json(),
        }


@runtime_checkable
class Judge(Protocol):
    """An interrogator that can also compare two pictures."""

    def similarity(self, first: Image.Image, second: Image.Image) -> float:
        """Cosine of the two pictures' features, -1..1."""
        ...


def round_trip(
    photo: Image.Image,
    interrogator: Interrogator,
    draw: Callable[[Spell], Image.Image],
    mode: str = "fast",
    wishes: Wishes | None = None,
) -> RoundTrip:
    """Interrogate, draw, compare, propose: all in one call. Blocks for as long as drawing takes.

    Args:
        photo: The wanted picture; RGB, upright.
        interrogator: Reads it, and reads the drawn one.
        draw: Makes a picture of a spell.
        mode: How the photo is read; see `MODES`.
        wishes: Target, filters, length.

    Raises:
        UnknownName: code `mode_not_found` or `list_not_found`.
        InterrogationError: The models failed. What `draw` raises comes through.
    """
    spell = interrogator.interrogate(photo, mode, wishes=wishes).to_spell()
    return look_back(spell, photo, draw(spell), interrogator, wishes)


def look_back(
    spell: Spell, photo: Image.Image, drawn: Image.Image, interrogator: Interrogator, wishes: Wishes | None = None
) -> RoundTrip:
    """The second half: both pictures are there. See `round_trip`."""
    wishes = replace(wishes or Wishes(), target="tags")  # phrases can be compared, sentences cannot
    reference, made = (
        interrogator.interrogate(each, COMPARED_IN, wishes=wishes, description=NO_CAPTION) for each in (photo, drawn)
    )
    similarity = interrogator.similarity(photo, drawn) if isinstance(interrogator, Judge) else None
    comparison = compare(reference, made, similarity)
    proposals, proposed = propose(spell, comparison)
    return RoundTrip(spell, reference, made, comparison, proposals, proposed)


def propose(spell: Spell, comparison: Comparison) -> tuple[tuple[Proposal, ...], Spell]:
    """Typed edits that say what is missing and unsay what is too much, and the spell with them.

    What the reference shows is taken out of the negative prompt, or put into the prompt, or said with more
    weight where it stands there; what only the drawn picture shows is taken out of the prompt or else put into
    the negative one. At most three of each.
    An edit that the spell refuses (a prompt that is full) is left out.
    """
    proposals: list[Proposal] = []
    for edit, term in (*_sayings(spell, comparison.missing), *_unsayings(spell, comparison.surplus)):
        try:
            spell = apply(spell, [edit])
        except SpellwrightError:
            continue
        proposals.append(Proposal(edit, term))
    return tuple(proposals), spell


def _sayings(spell: Spell, missing: Iterable[Term]) -> list[tuple[Edit, Term]]:
    said = {phrase.key: phrase.weight for phrase in split(spell.prompt)}
    denied, whole = _phrases(spell.negative_prompt), phrase_key(spell.prompt)
    edits: list[tuple[Edit, Term]] = []
    for term in missing:
        text = plain_text(term.text)
        key = phrase_key(text)
        if key in denied:
            edits.append((RemoveNegative(text), term))
        elif said.get(key, STRONGER) < STRONGER:
            edits.append((Reweight(text, STRONGER), term))
        elif key not in whole:
            edits.append((AddPhrase(text), term))
    return edits[:MOST_EDITS]


def _unsayings(spell: Spell, surplus: Iterable[Term]) -> list[tuple[Edit, Term]]:
    said, denied = _phrases(spell.prompt), _phrases(spell.negative_prompt)
    edits: list[tuple[Edit, Term]] = []
    for term in surplus:
        text = plain_text(term.text)
        if phrase_key(text) in said:
            edits.append((RemovePhrase(text), term))
        elif phrase_key(text) not in denied:
            edits.append((AddNegative(text), term))
    return edits[:MOST_EDITS]


def _phrases(text: str) -> set[str]:
    return {phrase.key for phrase in split(text)}
