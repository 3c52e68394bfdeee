"""The plain Python tokenizer, held to transformers'."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.demo.tokenizer import cut_vocabulary
from generator.models.clip_words import ClipWords, clip_words, folder_words

TEXTS = (
    "",
    " \n\t",
    "a photo of a cat",
    "masterpiece, best quality, (1girl:1.2), 8k,,,",
    "it's we're DON'T I'll o'clock !'s",
    "雨夜的猫, ネコ と 犬, 한국어",
    "café cafe\u0301 naïve Straße",
    "½ ² ٣ Ⅷ 2024",
    "emoji 😀👍🏽 — “quotes”…",
    "<|startoftext|>x<|endoftext|>",
    "a_b-c/d\\e",
)


@pytest.fixture(scope="module")
def ours() -> ClipWords:
    return clip_words()


@pytest.fixture(scope="module")
def theirs() -> Any:
    from generator.models.single_file import clip_tokenizer

    return clip_tokenizer()


def _ids(tokenizer: Any, text: str) -> list[int]:
    found: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return found


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_gets_the_ids_that_transformers_gives_it(ours: ClipWords, theirs: Any, text: str) -> None:
    assert ours(text) == _ids(theirs, text)


def test_random_text_gets_the_ids_that_transformers_gives_it(ours: ClipWords, theirs: Any) -> None:
    alphabet = st.sampled_from("abcdefghij st'rdml ,.()[]:0123AZéß猫½_-!\n")

    @settings(max_examples=300, deadline=None)
    @given(st.text(alphabet, max_size=40))
    def check(text: str) -> None:
        assert ours(text) == _ids(theirs, text)

    check()


def test_clips_comma_is_267(ours: ClipWords) -> None:
    assert ours(",") == [267]


def test_a_folder_gives_the_vocabulary_that_was_written_there(tmp_path: Path) -> None:
    cut = cut_vocabulary(["heart", "bicycle"], common=50)
    cut.write(tmp_path)
    found = folder_words(tmp_path)
    assert found is not None
    text = "a heart on a bicycle, 猫"
    assert found(text) == ClipWords.of(cut.tokens, cut.merges)(text)
    from transformers import CLIPTokenizer

    assert found(text) == _ids(CLIPTokenizer.from_pretrained(str(tmp_path), local_files_only=True), text)


@pytest.mark.parametrize("vocab", [None, "no json", "[]", json.dumps({"a": 0})])
def test_a_folder_without_a_usable_vocabulary_gives_none(tmp_path: Path, vocab: str | None) -> None:
    if vocab is not None:
        (tmp_path / "vocab.json").write_text(vocab)
        (tmp_path / "merges.txt").write_text("#version: 0.2\na b\n")
    assert folder_words(tmp_path) is None


def test_a_run_of_eight_thousand_letters_is_cut_instead_of_taking_quadratic_time(ours: ClipWords) -> None:
    assert len(ours("xq" * 4000)) > 1000


def test_no_torch_is_imported() -> None:
    code = (
        "import sys; from generator.models.clip_words import clip_words; "
        "clip_words()('a'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
