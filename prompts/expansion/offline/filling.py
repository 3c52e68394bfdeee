"""The slots of a prompt, tried in turn: what a wish says goes where the prompt says the same kind of thing."""

from __future__ import annotations

import re
from typing import Literal

from prompts.expansion.applying import apply
from prompts.expansion.data_files import load_toml
from prompts.expansion.edits import AddPhrase, Edit, RemoveNegative
from prompts.expansion.offline.ages import fill_age
from prompts.expansion.offline.cast import fill_animal, fill_cast
from prompts.expansion.offline.exclusive import fill_exclusive, value_named, values
from prompts.expansion.offline.garments import fill_garment, garment_named
from prompts.expansion.offline.places import fill_place, place_left, place_named, rivals_of
from prompts.expansion.offline.posture import fill_posture, posture_named
from prompts.expansion.offline.scene import bare
from prompts.expansion.offline.scenery import style_in
from prompts.expansion.offline.words import contains, folded
from prompts.expansion.phrases import split
from prompts.spell import Spell

_OF_SOMEBODY = re.compile(r"^(?:让|请)?(?:她|他|它|女孩|男孩|人物|主角)?(?:改成|换成|变成|改为)?(?=.)")

Manner = Literal["become", "add", "bare"]
"""How a wish speaks: `make it a boy`, `add a boy`, `a boy`."""


def fill(text: str, spell: Spell, manner: Manner) -> list[Edit] | None:
    """The edits that put `text` into its slot; `None` when it is of no slot, or the prompt leaves that slot empty.

    What was forbidden before and is wished for now is no longer in the negative prompt.
    """
    text = _there(_styled_place(text))
    edits = _filled(text, spell, manner)
    if not edits:
        return edits
    wanted = folded(bare(text))
    return [*(RemoveNegative(p.core) for p in split(spell.negative_prompt) if folded(bare(p.core)) == wanted), *edits]


def _filled(text: str, spell: Spell, manner: Manner) -> list[Edit] | None:
    age = fill_age(text, spell, is_of_somebody=manner == "become")
    if age is not None:
        return age
    one_of_few = fill_exclusive(text, spell)
    if one_of_few is not None:
        return [*one_of_few, *rivals_of(text, apply(spell, one_of_few))]
    if posture_named(text) is not None:
        return _postured(text, spell)
    people = fill_cast(text, spell, adds=manner == "add")
    if people is not None:
        return people
    other = fill_animal(text, spell) if manner == "become" else None
    other = fill_garment(text, spell) if other is None else other
    if other is not None:
        return other
    return fill_place(text, spell, moves=manner == "become", is_bare=manner == "bare")


def fill_named(clause: str, spell: Spell) -> list[Edit] | None:
    """The edits of a clause that a slot lists word for word, in whatever language; `None` for other clauses."""
    said = _OF_SOMEBODY.sub("", clause.strip(" .!?。！？,，").casefold())
    table = load_toml("data", "slots.toml")
    value = value_named(said)
    text = table["place"]["also"].get(said) or table["posture"]["also"].get(said)
    if said in table["age"]["older"]:
        return fill_age(said, spell)
    if text is None and value is not None:
        text = value[1]
    if text is None:
        return None
    edits = fill(text, spell, "bare")
    return edits if edits is not None else _unless_there(text, spell)


def leading_value(clause: str) -> tuple[str, str]:
    """(value of a slot, rest) of a Chinese clause that begins with one: `低头看书`; empty texts for any other."""
    if clause.isascii():
        return "", ""
    table = load_toml("data", "slots.toml")
    names = [*table["posture"]["also"], *(name for value in values() for name in value.also)]
    leads = (name for name in names if clause.startswith(name) and len(clause) > len(name) + 1)
    lead = max(leads, key=len, default="")
    return (lead, clause[len(lead) :].removeprefix("着")) if lead else ("", "")


def is_known(text: str) -> bool:
    """Whether `text` is a value of some slot or a tag that may stand alone in a turn."""
    tags = {folded(tag) for tag in load_toml("data", "slots.toml")["tags"]["words"]}
    return (
        folded(text) in tags
        or value_named(text) is not None
        or posture_named(text) is not None
        or place_named(text) is not None
        or garment_named(text) is not None
    )


def _there(text: str) -> str:
    """`the beach walking`, as a translation may have it: `walking on the beach`."""
    place, _, posture = text.rpartition(" ")
    named = place_named(place) if posture_named(posture) is not None else None
    return text if named is None else f"{posture} {named.standing}"


def _styled_place(text: str) -> str:
    """`a city, cyberpunk`, as a translation has it: `cyberpunk city`."""
    place, _, style = text.partition(", ")
    named = place_named(place) if style and "," not in style and style_in(style) is not None else None
    return text if named is None else f"{named.prep} {style} {named.bare}".strip()


def _postured(text: str, spell: Spell) -> list[Edit] | None:
    edits = fill_posture(text, spell)
    if edits is None:
        left = place_left(text, spell)
        return [*left, AddPhrase(posture_named(text) or text)] if left else None
    return [*edits, *place_left(text, apply(spell, edits))]


def _unless_there(text: str, spell: Spell) -> list[Edit]:
    return [] if contains(spell.prompt, text) else [AddPhrase(text)]
