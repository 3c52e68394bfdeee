"""The causal tower against open_clip's own full rows, on every kind of text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from prompts.interrogation.causal_parts import causal_parts
from prompts.interrogation.text_tower import CausalTextTower, PlainTextTower, is_full
from prompts.interrogation.towers import ClipTowers, towers_of

TEXTS = [
    "a cat",
    "",
    "by Ada Painter, trending on pixiv",
    "café & émigré — naïve 猫",
    "don't stop, it's 100%! (really)",
    "word " * 90,
    "a <end_of_text> b",
    "x" * 300,
    "fish &amp; chips",
]
PROMPTS = [
    "a photo of a dog",
    "a photo (of a dog)",
    "café",
    "b & w",
    "word " * 70,
    "word " * 74,
    "word " * 80,
    "a <end_of_text> b",
]
TOLERANCE = 2e-6  # float32 noise on unit vectors of 24 numbers


def tower_pair(model: Any) -> tuple[CausalTextTower, PlainTextTower]:
    from open_clip.tokenizer import SimpleTokenizer

    tower = towers_of("tiny", model, SimpleTokenizer()).text
    assert isinstance(tower, CausalTextTower)
    return tower, PlainTextTower(model, SimpleTokenizer())


@pytest.fixture(scope="module", params=["quickgelu", "gelu", "eos pooling", "custom text"])
def pair(
    request: pytest.FixtureRequest, model_of: Callable[..., Any], custom_model_of: Callable[[], Any]
) -> tuple[CausalTextTower, PlainTextTower]:
    models = {
        "quickgelu": model_of,
        "gelu": lambda: model_of(quick_gelu=False),
        "eos pooling": lambda: model_of(pool_type="eos", eos_id=49407),
        "custom text": custom_model_of,
    }
    return tower_pair(models[request.param]())


def test_cut_rows_give_the_features_of_full_rows(pair: tuple[CausalTextTower, PlainTextTower]) -> None:
    causal, plain = pair
    assert torch.allclose(causal.encode(TEXTS), plain.encode(TEXTS), atol=TOLERANCE)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_continuations_equal_encoding_the_joined_text(
    prompt: str, pair: tuple[CausalTextTower, PlainTextTower]
) -> None:
    causal, plain = pair
    expected = plain.encode([f"{prompt}, {text}" for text in TEXTS])
    assert torch.allclose(causal.encode_continuations(prompt, TEXTS), expected, atol=TOLERANCE)


def test_a_prefix_is_reused_and_abandoned_without_trace(pair: tuple[CausalTextTower, PlainTextTower]) -> None:
    causal, plain = pair
    for prompt in ("a photo", "a photo, red", "a photo, red, cat", "a photo, blue", "something else"):
        expected = plain.encode([f"{prompt}, {text}" for text in TEXTS[:3]])
        assert torch.allclose(causal.encode_continuations(prompt, TEXTS[:3]), expected, atol=TOLERANCE)


@pytest.mark.parametrize(
    "parts",
    [
        ["a photo", "red cat", "b"],
        ["a photo"],
        ["café & co", "red"],
        ["word " * 40, "word " * 34, "more"],
        ["", "a"],
        [],
    ],
)
def test_growth_equals_encoding_every_stage(parts: list[str], pair: tuple[CausalTextTower, PlainTextTower]) -> None:
    causal, plain = pair
    expected = plain.encode([", ".join(parts[: i + 1]) for i in range(len(parts))])
    assert torch.allclose(causal.encode_growth(parts), expected, atol=TOLERANCE)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_no_texts_give_no_rows(count: int, pair: tuple[CausalTextTower, PlainTextTower]) -> None:
    causal, plain = pair
    assert len(causal.encode(["a"] * count)) == len(plain.encode(["a"] * count)) == count


@pytest.mark.parametrize(("words", "full"), [(1, False), (74, False), (75, True), (90, True)])
def test_a_text_is_full_when_its_row_leaves_no_token(
    words: int, full: bool, pair: tuple[CausalTextTower, PlainTextTower]
) -> None:
    text = "word " * words
    assert [is_full(tower, text) for tower in pair] == [full, full]
    assert [is_full(tower, text, 1000) for tower in pair] == [full, full], "a limit never widens the tower"
    assert [is_full(tower, text, 3) for tower in pair] == [True, True]


@pytest.mark.parametrize(("text", "length"), [("", 2), ("word", 3), ("a cat, red", 6), ("word " * 75, 77)])
def test_both_towers_count_the_same_tokens(
    text: str, length: int, pair: tuple[CausalTextTower, PlainTextTower]
) -> None:
    assert [tower.length(text) for tower in pair] == [length, length]


@pytest.mark.parametrize("text_cfg", [{"no_causal_mask": True}, {"pool_type": "last"}, {"pool_type": "first"}])
def test_towers_that_see_padding_or_pool_elsewhere_are_run_as_they_are(
    text_cfg: dict[str, Any], model_of: Callable[..., Any]
) -> None:
    from open_clip.tokenizer import SimpleTokenizer

    model = model_of(**text_cfg)
    assert causal_parts(model) is None
    tower = towers_of("tiny", model, SimpleTokenizer()).text
    assert isinstance(tower, PlainTextTower)
    rows = SimpleTokenizer()(TEXTS[:3])
    with torch.inference_mode():
        expected = model.encode_text(rows, normalize=True)
    assert torch.allclose(tower.encode(TEXTS[:3]), expected, atol=TOLERANCE)


def test_a_tower_that_pools_at_another_end_token_is_run_as_it_is(model_of: Callable[..., Any]) -> None:
    from open_clip.tokenizer import SimpleTokenizer

    model = model_of(pool_type="eos", eos_id=2)
    assert isinstance(towers_of("tiny", model, SimpleTokenizer()).text, PlainTextTower)


def test_progress_counts_every_text_once(tiny_towers: ClipTowers) -> None:
    seen: list[tuple[int, int]] = []
    tiny_towers.text.encode(TEXTS, lambda done, of: seen.append((done, of)))
    assert [of for _, of in seen] == [len(TEXTS)] * len(seen)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == len(TEXTS)
