"""The greedy chain: grow a prompt by the phrase that moves it closest to the picture, again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from prompts.interrogation.text_tower import SEPARATOR, TextTower, is_full

Step = Callable[[int, int], None]
"""Called with (links made, most links); may raise to stop."""


@dataclass(frozen=True, slots=True)
class ChainRules:
    """When to stop, and which way to go."""

    min_count: int = 8
    """Links taken even when they make the prompt worse."""
    max_count: int = 32
    """Links at most."""
    farthest: bool = False
    """Away from the picture: for negative prompts."""
    max_tokens: int | None = None
    """Stop at this length (start and end included) instead of the tower's."""
    compat: bool = False
    """Repeat clip-interrogator's sign fault in `farthest` chains, which keeps the first phrase alone."""


@dataclass(frozen=True, slots=True)
class Link:
    """One phrase of the chain."""

    text: str
    similarity: float
    """Cosine of the prompt up to and with this phrase."""
    gain: float
    """That, minus the similarity before; the first phrase of a chain without caption gains from 0."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The best prompt met on the way, and the links that lead to it."""

    prompt: str
    similarity: float
    links: tuple[Link, ...]


def grow(
    picture: Tensor,
    tower: TextTower,
    phrases: Sequence[str],
    start: tuple[str, float] | None,
    rules: ChainRules,
    on_step: Step | None = None,
) -> Chain:
    """The greedy chain over `phrases`; equal similarities go to the phrase that comes first.

    Args:
        picture: (1, dim) unit length.
        tower: Scores prompts.
        phrases: Candidates, best first; repeated ones count once.
        start: Prompt to begin with and its similarity; `None` begins with the best single phrase.
        rules: See `ChainRules`.
        on_step: Progress.

    Returns:
        An empty chain (prompt "", similarity 0) for no phrases and no start.
    """
    left = list(dict.fromkeys(phrases))
    sign = -1.0 if rules.farthest else 1.0
    best = _begin(picture, tower, left, start, sign)
    prompt, similarity, links = best.prompt, best.similarity, list(best.links)
    # The library compares negated similarities with a first one that it forgot to negate.
    best_score = similarity if rules.compat else sign * similarity
    current_score = best_score
    for number in range(rules.max_count):
        if not left:
            break
        index, found = _best(tower.encode_continuations(prompt, left), picture, sign)
        score = sign * found
        grown = prompt + SEPARATOR + left[index]
        if not rules.compat and _overfills(tower, grown, rules.max_tokens):
            break
        link = Link(left[index], found, found - similarity)
        if score > best_score:
            best, best_score = Chain(grown, found, (*links, link)), score
        if score <= current_score and number >= rules.min_count:
            break
        prompt, similarity, current_score = grown, found, score
        links.append(link)
        if on_step:
            on_step(number + 1, rules.max_count)
        if is_full(tower, prompt, rules.max_tokens):
            break
        left.pop(index)
    return best


def _begin(picture: Tensor, tower: TextTower, left: list[str], start: tuple[str, float] | None, sign: float) -> Chain:
    """The chain before its first step; without `start` the best phrase is taken out of `left`."""
    if start is not None:
        return Chain(*start, ())
    if not left:
        return Chain("", 0.0, ())
    index, similarity = _best(tower.encode(left), picture, sign)
    text = left.pop(index)
    return Chain(text, similarity, (Link(text, similarity, similarity),))


def _overfills(tower: TextTower, prompt: str, limit: int | None) -> bool:
    """Whether the tower would not see the end of `prompt`; its similarity would be of something shorter."""
    return tower.length(prompt) > min(tower.max_tokens, limit or tower.max_tokens)


def _best(features: Tensor, picture: Tensor, sign: float) -> tuple[int, float]:
    similarities = (features @ picture.T).flatten().cpu()
    index = int((similarities * sign).argmax())
    return index, float(similarities[index])
