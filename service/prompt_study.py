"""What the prompt language says about a spell, as JSON-able values for the routes and the command line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from prompts.errors import PromptError
from prompts.language import Budget, Expander, Explanation, Stage, Style, apply_styles, explain, lift_loras, rehearse
from prompts.language.chunks import CHUNK_TOKENS, Tokenize
from prompts.language.explaining import Stretch
from prompts.language.rehearsal import WORK, Picture
from prompts.limits import LONGEST_SHOWN, check_spell
from prompts.spell import Lora, Spell
from service.spell_json import spell_to_json

COMBINATIONS = 256
"""Most prompts that one answer lists."""
EXPLAINED_CHARACTERS = 250_000
"""Characters of all different texts of one explanation."""
EXPLAINED_STRETCHES = 20_000
Json = dict[str, Any]


def lifted(spell: Spell) -> Spell:
    """`spell` with the LoRA tags of its prompt among its LoRAs."""
    prompt, loras = lift_loras(spell.prompt)
    return replace(spell, prompt=prompt, loras=spell.loras + loras, written="")


def explained(spell: Spell, tokenize: Tokenize | None) -> Json:
    """`explain(spell)`; texts stand once, in `texts`, and stretches name them by number.

    Args:
        spell: LoRA tags in the prompt are lifted.
        tokenize: Without it there are no chunks, and `note` says so.

    Raises:
        PromptError: A limit of `check_spell`; code `explanation_too_large`.
    """
    check_spell(spell)
    plain = lifted(spell)
    _check_size(explain(plain))
    found = explain(plain, tokenize)
    texts: dict[str, int] = {}
    rows: list[Json] = []

    def stretch(one: Stretch) -> Json:
        if one.text not in texts:
            texts[one.text] = len(rows)
            rows.append(_text(one))
        return {"first_step": one.first_step, "last_step": one.last_step, "text": texts[one.text]}

    passes = [
        {
            "name": one.name,
            "steps": one.steps,
            "width": one.width,
            "height": one.height,
            "prompt": [
                {"weight": _finite(part.weight), "stretches": [stretch(s) for s in part.stretches]}
                for part in one.prompt
            ],
            "negative_prompt": [stretch(s) for s in one.negative_prompt],
        }
        for one in found.passes
    ]
    note = "" if tokenize else "CLIP's tokenizer is not installed (open_clip carries it): chunks are not told."
    return {"passes": passes, "texts": rows, "loras": [_lora(lora) for lora in found.loras], "note": note}


def _check_size(explanation: Explanation) -> None:
    """Thousands of edits in thousands of AND parts are no prompt that anybody reads."""
    stretches = [
        stretch
        for one in explanation.passes
        for stretch in (*one.negative_prompt, *(s for part in one.prompt for s in part.stretches))
    ]
    characters = sum(len(text) for text in {stretch.text for stretch in stretches})
    for got, limit, unit in (
        (characters, EXPLAINED_CHARACTERS, "characters"),
        (len(stretches), EXPLAINED_STRETCHES, "changes"),
    ):
        if got > limit:
            message = f"The explanation has {got} {unit}; the limit is {limit}. Explain fewer steps or fewer edits."
            raise PromptError(message, field="prompt", got=got, limit=limit).with_code("explanation_too_large")


def _text(stretch: Stretch) -> Json:
    weights = [{"text": text, "weight": _finite(weight)} for text, weight in stretch.weights]
    budget = stretch.budget
    told = {"tokens": None, "room": None, "chunks": None} if budget is None else _chunks(budget)
    return {"text": stretch.text, "weights": weights, **told}


def _chunks(budget: Budget) -> Json:
    words: list[list[Json]] = [[] for _ in budget.used]
    for word in budget.words:
        row = {"text": word.text, "weight": _finite(word.weight), "tokens": word.tokens, "is_cut": word.is_cut}
        words[word.chunk].append(row)
    chunks = [
        {"tokens": used, "room": CHUNK_TOKENS - used, "words": row}
        for used, row in zip(budget.used, words, strict=True)
    ]
    return {"tokens": budget.tokens, "room": budget.room, "chunks": chunks}


@dataclass(frozen=True, slots=True)
class Supplies:
    """What templates may draw from."""

    styles: tuple[Style, ...] = ()
    wildcards: Mapping[str, Sequence[str]] | None = None
    known_loras: frozenset[str] | None = None


def expanded(spell: Spell, styles: Sequence[str], supplies: Supplies, pictures: int | None = None) -> Json:
    """The prompts that `spell` stands for; nothing is drawn.

    Args:
        spell: Its prompts may be templates.
        styles: Names of styles to put around the prompts first.
        supplies: Known styles, wildcards, LoRAs.
        pictures: So many, each drawn by its seed as when pictures are made; `None` lists every combination.

    Raises:
        PromptError: A limit of `check_spell`; code `too_many_combinations`; what `prompts.language.rehearse` raises.
    """
    check_spell(spell)
    stage = Stage(supplies.styles, supplies.wildcards, supplies.known_loras)
    told = rehearse(spell, stage, styles, pictures or 0)
    found = _every(spell, styles, supplies, told.combinations) if pictures is None else told.pictures
    for picture in found:
        check_spell(picture.spell)
    known = supplies.known_loras
    asked = dict.fromkeys(lora.name for picture in found for lora in picture.spell.loras)
    folded = frozenset() if known is None else frozenset(name.casefold() for name in known)
    return {
        "combinations": told.combinations if told.combinations < LONGEST_SHOWN else None,
        "pictures": [_picture(picture) for picture in found],
        "missing_loras": [name for name in asked if known is not None and name.casefold() not in folded],
    }


def _every(spell: Spell, styles: Sequence[str], supplies: Supplies, combinations: int) -> tuple[Picture, ...]:
    """Every combination, the negative prompt's changing fastest."""
    if combinations > COMBINATIONS:
        got = combinations if combinations < LONGEST_SHOWN else None
        told = str(got) if got is not None else "more than a quadrillion"
        raise PromptError(
            f"These templates stand for {told} prompts; the limit is {COMBINATIONS}. "
            "Send pictures to draw some of them by seed.",
            field="prompt",
            got=got,
            limit=COMBINATIONS,
        ).with_code("too_many_combinations")
    styled = apply_styles(spell, styles, supplies.styles)
    expander = Expander(supplies.wildcards, WORK)
    negatives = expander.every(styled.negative_prompt, COMBINATIONS)
    found = []
    for prompt in expander.every(styled.prompt, COMBINATIONS):
        for negative in negatives:
            one = lifted(replace(styled, prompt=prompt, negative_prompt=negative))
            found.append(Picture(one, *_size(spell)))
    return tuple(found)


def _size(spell: Spell) -> tuple[int | None, int | None]:
    width, height, hires = spell.params.width, spell.params.height, spell.params.hires
    if hires is None or width is None or height is None:
        return width, height
    return hires.target_size(width, height)


def _picture(picture: Picture) -> Json:
    spell = picture.spell
    return {
        "prompt": spell.prompt,
        "negative_prompt": spell.negative_prompt,
        "loras": [_lora(lora) for lora in spell.loras],
        "seed": spell.params.seed,
        "width": picture.width,
        "height": picture.height,
    }


def _lora(lora: Lora) -> Json:
    found: Json = spell_to_json(Spell(loras=(lora,)))["loras"][0]
    return found


def _finite(weight: float) -> float | None:
    # Hundreds of brackets make an infinite weight, which JSON cannot say.
    return weight if math.isfinite(weight) else None
