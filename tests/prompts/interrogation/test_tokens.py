"""Token ids equal the tokenizer's own, and joining them equals tokenising the joined text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompts.interrogation.terms import published_lists
from prompts.interrogation.tokens import ClipTokens, folder_tokens, is_plain, open_clip_tokens


@pytest.fixture(scope="module")
def simple() -> Any:
    from prompts.torch_guard import ensure_torchvision

    ensure_torchvision()
    from open_clip.tokenizer import SimpleTokenizer

    return SimpleTokenizer()


@pytest.fixture(scope="module")
def tokens(simple: Any) -> ClipTokens:
    made = open_clip_tokens(simple)
    assert made is not None
    return made


def test_published_phrases_get_the_tokenizers_own_ids(simple: Any, tokens: ClipTokens) -> None:
    texts = [text for each in published_lists() for text in each.texts[::61]]
    assert len(texts) > 1500
    for text in texts:
        assert tokens.body(text) == tuple(simple.encode(text)), text


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40))
def test_any_text_gets_the_tokenizers_own_ids(text: str) -> None:
    tokenizer = _shared_simple()
    made = open_clip_tokens(tokenizer)
    assert made is not None
    assert made.body(text) == tuple(tokenizer.encode(text))


PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="&"), max_size=30)


@settings(max_examples=300, deadline=None)
@given(PLAIN, PLAIN)
def test_ids_of_plain_texts_join_at_a_comma(left: str, right: str) -> None:
    made = open_clip_tokens(_shared_simple())
    assert made is not None
    assert made.body(f"{left}, {right}") == made.body(f"{left},") + made.body(right)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a cat", True),
        ("", True),
        ("(a:1.2)", True),
        ("a & b", False),
        ("café", False),
        ("a\tb", False),
        ("&#x41;", False),
    ],
)
def test_plain_means_nothing_to_repair(text: str, plain: bool) -> None:
    assert is_plain(text) is plain


@pytest.mark.parametrize(("length", "expected"), [(0, 2), (1, 3), (74, 76), (75, 77), (76, 77), (200, 77)])
def test_a_row_is_cut_to_the_context_and_keeps_its_end(length: int, expected: int, tokens: ClipTokens) -> None:
    row = tokens.row((5,) * length)
    assert (len(row), row[0], row[-1]) == (expected, tokens.start, tokens.end)


def test_a_tokenizer_that_cleans_otherwise_is_not_taken_apart() -> None:
    from open_clip.tokenizer import SimpleTokenizer

    assert open_clip_tokens(SimpleTokenizer(clean="canonicalize")) is None
    assert open_clip_tokens(SimpleTokenizer(reduction_mask="simple")) is None


def test_a_clip_tokenizer_folder_gives_the_same_ids_as_open_clip(
    simple: Any, tmp_path: Path, tokens: ClipTokens
) -> None:
    from transformers import CLIPTokenizer

    clip_tokenizer_files(simple, tmp_path)
    from_folder = folder_tokens(CLIPTokenizer.from_pretrained(str(tmp_path), local_files_only=True), 77)
    assert (from_folder.start, from_folder.end) == (tokens.start, tokens.end)
    for text in ("a cat", "trending on pixiv, 4k", "don't (stop)", "café", "猫", ""):
        assert from_folder.body(text) == tokens.body(text), text


def clip_tokenizer_files(simple: Any, folder: Path) -> None:
    import json

    names = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    vocab = {names.get(piece, piece): index for piece, index in simple.encoder.items()}
    (folder / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    merges = sorted(simple.bpe_ranks, key=lambda pair: simple.bpe_ranks[pair])
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(m) for m in merges), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": "<|endoftext|>"})
    )


_KEPT: dict[str, Any] = {}


def _shared_simple() -> Any:
    # Hypothesis and function-scoped fixtures do not mix; building the tokenizer takes half a second.
    if "simple" not in _KEPT:
        from prompts.torch_guard import ensure_torchvision

        ensure_torchvision()
        from open_clip.tokenizer import SimpleTokenizer

        _KEPT["simple"] = SimpleTokenizer()
    return _KEPT["simple"]
