"""`explain`: for every step the prompt in force, its chunks and weights, without drawing anything."""

from __future__ import annotations

from dataclasses import dataclass

from prompts.language.chunks import Tokenize
from prompts.language.comments import strip_comments
from prompts.language.composition import split_and
from prompts.language.networks import strip_networks
from prompts.language.scheduling import schedule
from prompts.language.weights import attention
from prompts.language.words import Budget, budget
from prompts.spell import Lora, Spell

DEFAULT_STEPS = 20
"""Used for a spell that does not say."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive steps that draw the same text."""

    first_step: int
    last_step: int
    """Both counted from 1, inclusive."""
    text: str
    weights: tuple[tuple[str, float], ...]
    """What `attention` says of the text."""
    budget: Budget | None
    """Words and chunks; `None` without a tokenizer."""


@dataclass(frozen=True, slots=True)
class Part:
    """One prompt of an `AND` composition."""

    weight: float
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Pass:
    """The first pass, or the hires pass."""

    name: str
    """`first` or `hires`."""
    steps: int
    width: int | None
    """Pixels; `None` when the spell does not say."""
    height: int | None
    prompt: tuple[Part, ...]
    negative_prompt: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a spell means, step by step."""

    passes: tuple[Pass, ...]
    loras: tuple[Lora, ...]


@dataclass(frozen=True, slots=True)
class _Encoder:
    """The text encoder's side: tokenizer and the id of its comma."""

    tokenize: Tokenize
    comma: int


def encoder_text(prompt: str) -> str:
    """What A1111 hands to the text encoder of a positive prompt: no comments, no extra network tags."""
    return strip_networks(strip_comments(prompt))


def explain(spell: Spell, tokenize: Tokenize | None = None) -> Explanation:
    """What `spell` draws at each step, in each pass.

    Args:
        spell: Any spell; without steps, `DEFAULT_STEPS` are taken.
        tokenize: The text encoder's tokenizer, to tell chunks and token counts; `None` leaves them out.
    """
    params = spell.params
    steps = params.steps or DEFAULT_STEPS
    encoder = None if tokenize is None else _Encoder(tokenize, next(iter(tokenize(",")), -1))
    size = (params.width, params.height)
    passes = [_pass((spell.prompt, spell.negative_prompt), steps, None, size, encoder)]
    hires = params.hires
    if hires is not None:
        if params.width is not None and params.height is not None:
            size = hires.target_size(params.width, params.height)
        prompt = spell.prompt if hires.prompt is None else hires.prompt
        negative = spell.negative_prompt if hires.negative_prompt is None else hires.negative_prompt
        passes.append(_pass((prompt, negative), steps, hires.steps or steps, size, encoder))
    return Explanation(tuple(passes), spell.loras)


def _pass(
    prompts: tuple[str, str],
    steps: int,
    hires_steps: int | None,
    size: tuple[int | None, int | None],
    encoder: _Encoder | None,
) -> Pass:
    return Pass(
        name="first" if hires_steps is None else "hires",
        steps=steps if hires_steps is None else hires_steps,
        width=size[0],
        height=size[1],
        prompt=_parts(prompts[0], steps, hires_steps, encoder),
        negative_prompt=_stretches(strip_comments(prompts[1]), steps, hires_steps, encoder),
    )


def _parts(prompt: str, steps: int, hires_steps: int | None, encoder: _Encoder | None) -> tuple[Part, ...]:
    text = encoder_text(prompt)
    return tuple(Part(weight, _stretches(part, steps, hires_steps, encoder)) for part, weight in split_and(text))


def _stretches(text: str, steps: int, hires_steps: int | None, encoder: _Encoder | None) -> tuple[Stretch, ...]:
    """The schedule with equal neighbours joined."""
    joined: list[tuple[int, str]] = []
    for last, words in schedule(text, steps, hires_steps):
        if joined and joined[-1][1] == words:
            joined[-1] = (last, words)
        else:
            joined.append((last, words))
    seen: dict[str, tuple[tuple[tuple[str, float], ...], Budget | None]] = {}
    found: list[Stretch] = []
    first = 1
    for last, words in joined:
        if words not in seen:  # alternation repeats texts
            count = None if encoder is None else budget(words, encoder.tokenize, encoder.comma)
            seen[words] = (tuple(attention(words)), count)
        found.append(Stretch(first, last, words, *seen[words]))
        first = last + 1
    return tuple(found)
