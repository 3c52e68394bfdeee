"""The cut vocabulary tokenises as CLIP's own wherever its merges reach."""

from pathlib import Path
from typing import Any

import pytest

from generator.demo.tokenizer import END, START, cut_vocabulary


def _load(words: list[str], folder: Path, common: int = 300) -> Any:
    from generator.demo.networks import library

    cut_vocabulary(words, common=common).write(folder)
    return library("transformers").CLIPTokenizer.from_pretrained(str(folder))


def test_asked_words_stay_whole(tmp_path: Path) -> None:
    tokenizer = _load(["strawberry penguin", "masterpiece"], tmp_path)
    pieces = tokenizer.tokenize("A Strawberry, penguin")
    assert pieces == ["a</w>", "strawberry</w>", ",</w>", "penguin</w>"]


@pytest.mark.parametrize("text", ["猫", "héllo", "xyzzy", "😀", "don't"])
def test_any_text_tokenises_without_the_unknown_token(tmp_path: Path, text: str) -> None:
    tokenizer = _load([], tmp_path)
    assert END not in tokenizer.tokenize(text)


def test_the_end_of_text_has_the_highest_id(tmp_path: Path) -> None:
    tokenizer = _load([], tmp_path)
    ids = tokenizer("a cat", padding="max_length").input_ids
    assert len(ids) == 77
    assert ids[0] == tokenizer.convert_tokens_to_ids(START)
    assert max(ids) == ids[-1] == tokenizer.eos_token_id == len(tokenizer) - 1


def test_whole_words_are_plain_words() -> None:
    words = cut_vocabulary(["strawberry"], common=300).whole_words
    assert "strawberry" in words
    assert all(w.isalpha() and len(w) >= 3 for w in words)
