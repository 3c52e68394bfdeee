"""The greedy chain against a plain reference that encodes every candidate in full, every step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from PIL import Image
from torch import Tensor

from prompts.interrogation.chain import Chain, ChainRules, grow
from prompts.interrogation.terms import TermList
from prompts.interrogation.text_tower import PlainTextTower, is_full
from prompts.interrogation.towers import ClipTowers


def reference(picture: Tensor, towers: ClipTowers, phrases: Sequence[str], start: str | None, rules: ChainRules) -> str:
    """The rule in its plainest form: full rows, no reuse, no cleverness."""
    tower = PlainTextTower(towers.model, towers.tokenizer)
    sign = -1.0 if rules.farthest else 1.0

    def score(text: str) -> float:
        return sign * float(tower.encode([text])[0] @ picture[0])

    left = list(dict.fromkeys(phrases))
    if start is None:
        start = max(left, key=score)
        left.remove(start)
    current, current_score = start, score(start)
    best, best_score = current, current_score
    for number in range(rules.max_count):
        if not left:
            break
        winner = max(left, key=lambda phrase: score(f"{current}, {phrase}"))
        grown = f"{current}, {winner}"
        grown_score = score(grown)
        if grown_score > best_score:
            best, best_score = grown, grown_score
        if grown_score <= current_score and number >= rules.min_count:
            break
        current, current_score = grown, grown_score
        if is_full(tower, current):
            break
        left.remove(winner)
    return best


@pytest.fixture(scope="module")
def phrases(tiny_lists: tuple[TermList, ...]) -> list[str]:
    return list(tiny_lists[1].texts)[::2]


@pytest.mark.parametrize("farthest", [False, True])
@pytest.mark.parametrize("start", [None, "a photo of a dog", "a café & a cat"])
@pytest.mark.parametrize("number", range(4))
def test_the_chain_equals_plain_reencoding(
    number: int,
    start: str | None,
    farthest: bool,
    tiny_towers: ClipTowers,
    phrases: list[str],
    photo: Callable[[int], Image.Image],
) -> None:
    picture = tiny_towers.encode_pictures([photo(number)])
    rules = ChainRules(min_count=3, max_count=9, farthest=farthest)
    begin = None if start is None else (start, float(tiny_towers.text.encode([start])[0] @ picture[0]))
    chain = grow(picture, tiny_towers.text, phrases, begin, rules)
    assert chain.prompt == reference(picture, tiny_towers, phrases, start, rules)
    check_evidence(chain, picture, tiny_towers, start)


def check_evidence(chain: Chain, picture: Tensor, towers: ClipTowers, start: str | None) -> None:
    """Every link says the similarity of the prompt up to it, and the gain over the one before."""
    prompt, before = start, 0.0 if start is None else float(towers.text.encode([start])[0] @ picture[0])
    for link in chain.links:
        prompt = link.text if prompt is None else f"{prompt}, {link.text}"
        now = float(towers.text.encode([prompt])[0] @ picture[0])
        assert link.similarity == pytest.approx(now, abs=2e-6)
        assert link.gain == pytest.approx(now - before, abs=4e-6)
        before = now
    assert (prompt or "") == chain.prompt
    assert chain.similarity == pytest.approx(before, abs=2e-6)


class FixedScores:
    """A tower whose texts have given similarities to the picture [1, 0]; unknown texts have -1."""

    is_causal = False
    max_tokens = 77
    device = torch.device("cpu")

    def __init__(self, scores: dict[str, float]) -> None:
        self._scores = scores

    def encode(self, texts: Sequence[str], on_step: object = None) -> Tensor:
        values = torch.tensor([self._scores.get(t, -1.0) for t in texts])
        return torch.stack([values, (1 - values**2).sqrt()], dim=1)

    def encode_continuations(self, prompt: str, phrases: Sequence[str]) -> Tensor:
        return self.encode([f"{prompt}, {p}" for p in phrases])

    def encode_growth(self, parts: Sequence[str]) -> Tensor:
        return self.encode([", ".join(parts[: i + 1]) for i in range(len(parts))])

    def length(self, text: str) -> int:
        return len(text)


PICTURE = torch.tensor([[1.0, 0.0]])


def test_ties_go_to_the_phrase_that_comes_first() -> None:
    tower = FixedScores({"b": 0.5, "a": 0.5, "b, c": 0.7, "b, a": 0.7})
    assert grow(PICTURE, tower, ["b", "a", "c"], None, ChainRules(0, 1)).prompt == "b, a"


def test_a_chain_stops_at_the_first_phrase_that_does_not_help() -> None:
    tower = FixedScores({"a": 0.5, "a, b": 0.6, "a, b, c": 0.6, "a, b, c, d": 0.9})
    assert grow(PICTURE, tower, ["a", "b", "c", "d"], None, ChainRules(0, 9)).prompt == "a, b"


def test_the_first_links_are_taken_even_when_they_hurt_and_the_best_prompt_on_the_way_wins() -> None:
    tower = FixedScores({"a": 0.5, "a, b": 0.3, "a, b, c": 0.2, "a, b, c, d": 0.9})
    assert grow(PICTURE, tower, ["a", "b", "c", "d"], None, ChainRules(3, 9)).prompt == "a, b, c, d"
    worse = FixedScores({"a": 0.5, "a, b": 0.3, "a, b, c": 0.2})
    kept = grow(PICTURE, worse, ["a", "b", "c"], None, ChainRules(8, 9))
    assert (kept.prompt, [link.text for link in kept.links]) == ("a", ["a"])


NEGATIVE = {"a": 0.10, "b": 0.05, "b, a": 0.02, "b, a, c": -0.2, "c": 0.3, "b, c": 0.4, "a, b": 0.5, "a, c": 0.5}


def test_a_negative_chain_moves_away_from_the_picture() -> None:
    chain = grow(PICTURE, FixedScores(NEGATIVE), ["a", "b", "c"], None, ChainRules(0, 9, farthest=True))
    assert chain.prompt == "b, a, c"
    assert [round(link.gain, 2) for link in chain.links] == [0.05, -0.03, -0.22]


def test_the_librarys_sign_fault_is_repeated_in_compat_only() -> None:
    scores = {k: v for k, v in NEGATIVE.items() if k != "b, a, c"} | {"b, a, c": 0.01}
    rules = ChainRules(0, 9, farthest=True, compat=True)
    assert grow(PICTURE, FixedScores(scores), ["a", "b", "c"], None, rules).prompt == "b"


@pytest.mark.parametrize(
    ("phrases", "start", "expected"),
    [([], None, ""), ([], ("a", 0.5), "a"), (["a"], None, "a"), (["a", "a"], None, "a"), (["b"], ("a", 0.5), "a, b")],
)
def test_short_lists_end_the_chain_instead_of_breaking_it(
    phrases: list[str], start: tuple[str, float] | None, expected: str
) -> None:
    tower = FixedScores({"a": 0.5, "a, b": 0.6})
    assert grow(PICTURE, tower, phrases, start, ChainRules(8, 32)).prompt == expected


def test_a_chain_ends_at_the_token_limit() -> None:
    tower = FixedScores({"a": 0.1, "a, b": 0.2, "a, b, c": 0.3, "a, b, c, d": 0.4})
    for limit, expected in ((3, "a"), (4, "a, b"), (6, "a, b"), (7, "a, b, c")):  # this tower counts characters
        rules = ChainRules(8, 9, max_tokens=limit)
        assert grow(PICTURE, tower, ["a", "b", "c", "d"], None, rules).prompt == expected


def test_progress_may_stop_a_chain() -> None:
    def stop(done: int, of: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        grow(PICTURE, FixedScores({"a": 0.5, "a, b": 0.6}), ["a", "b"], None, ChainRules(), stop)
