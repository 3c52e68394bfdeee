"""A caption and terms as sentences, for models that read prose."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prompts.interrogation.result import Term, listed
from prompts.interrogation.terms import ARTISTS, MEDIUMS, MOVEMENTS, TRENDINGS

Fits = Callable[[str], bool]
"""Whether a text is short enough."""


def prose(caption: str | None, terms: Sequence[Term], fits: Fits) -> str:
    """What is known about a picture as a few sentences, as many as fit; the first one always stays.

    Sites (`trendings`) are left out: "trending on …" is a habit of SD1.5 prompts and says nothing in a sentence.

    >>> prose("a cat", [Term("cubism", "movements"), Term("soft fur", "flavors")], lambda text: True)
    'A cat. The style is cubism. Described as soft fur.'
    """
    kinds = (MEDIUMS, ARTISTS, MOVEMENTS, TRENDINGS)
    of = {kind: [term.text for term in terms if term.category == kind] for kind in kinds}
    rest = [term.text for term in terms if term.category not in kinds]
    medium = next((text for text in of[MEDIUMS] if text not in (caption or "")), "")
    lead = ", ".join(filter(None, (caption, medium))) or (rest.pop(0) if rest else "")
    if caption and not fits(f"{lead}."):
        lead = caption
    if not lead:
        return ""
    text = f"{lead[0].upper()}{lead[1:]}."
    for start, items in (("It is", of[ARTISTS]), ("The style is", of[MOVEMENTS]), ("Described as", rest)):
        text = _with_sentence(text, start, items, fits)
    return text


def _with_sentence(text: str, start: str, items: Sequence[str], fits: Fits) -> str:
    grown = text
    for count in range(1, len(items) + 1):
        longer = f"{text} {start} {listed(items[:count])}."
        if not fits(longer):
            break
        grown = longer
    return grown
