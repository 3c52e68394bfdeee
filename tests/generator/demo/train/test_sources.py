"""What the pictures come from."""

from pathlib import Path

import pytest

from generator.demo.concepts import read_concepts
from generator.demo.tokenizer import cut_vocabulary
from generator.demo.train.export import licences
from generator.demo.train.foreign import foreign_words, known_words
from generator.demo.train.sources import PICTURE_SETS, SourceUnavailable, read_drawings


def test_every_set_is_pinned_and_permissively_licensed() -> None:
    assert all(s.licence in {"MIT", "Apache-2.0"} and s.version.count(".") == 2 for s in PICTURE_SETS)


def test_the_licence_file_names_every_set() -> None:
    assert all(f"{s.package} {s.version}" in licences() for s in PICTURE_SETS)


def test_a_missing_npm_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceUnavailable, match="npm"):
        read_drawings(PICTURE_SETS[0], [], tmp_path)


def test_foreign_words_and_known_words_are_apart() -> None:
    foreign = {w for text in foreign_words(cut_vocabulary(["strawberry"], common=400)) for w in text.split()}
    names = {c.name for c in read_concepts() if " " not in c.name}
    assert not names & foreign
    assert names | {"red", "teal", "background", "two"} <= known_words(read_concepts())
