"""CLIP's byte-pair tokenizer with a cut vocabulary.

The full table of 49,408 tokens would cost this family half of its size. Kept are all bytes (so that any
text still tokenises), the most frequent merges, and every merge that a word of the family needs.
"""

from __future__ import annotations

import gzip
import importlib.util
import itertools
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

START = "<|startoftext|>"
END = "<|endoftext|>"
CONTEXT_LENGTH = 77
_FULL_MERGES = 49152 - 256 - 2
_WORD_END = "</w>"

Merge = tuple[str, str]


@dataclass(frozen=True, slots=True)
class CutVocabulary:
    """A byte-pair vocabulary that `CLIPTokenizer` can load."""

    merges: tuple[Merge, ...]
    """In rank order."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """All tokens; the position is the id. The end of text has the highest id, as in CLIP."""
        letters = tuple(byte_letters())
        merged = tuple(a + b for a, b in self.merges)
        return (*letters, *(letter + _WORD_END for letter in letters), *merged, START, END)

    @property
    def whole_words(self) -> tuple[str, ...]:
        """The tokens that are whole words of three or more plain letters."""
        return tuple(t[:-4] for t in self.tokens if re.fullmatch(r"[a-z]{3,}</w>", t))

    def write(self, folder: Path) -> None:
        """Write `vocab.json`, `merges.txt` and `tokenizer_config.json` into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        ids = {token: index for index, token in enumerate(self.tokens)}
        (folder / "vocab.json").write_text(json.dumps(ids, ensure_ascii=False), encoding="utf-8")
        lines = "\n".join(f"{a} {b}" for a, b in self.merges)
        (folder / "merges.txt").write_text(f"#version: 0.2\n{lines}\n", encoding="utf-8")
        special = {"bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END}
        config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": CONTEXT_LENGTH, **special}
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


def cut_vocabulary(words: Iterable[str], common: int = 6000) -> CutVocabulary:
    """The vocabulary of the `common` most frequent merges and of all `words`.

    Raises:
        FileNotFoundError: open_clip, which carries the merge table, is not installed.
    """
    merges = _full_merges()
    ranks = {merge: rank for rank, merge in enumerate(merges)}
    kept = set(range(min(common, len(merges))))
    for word in sorted({w for text in words for w in re.findall(r"[a-z]+|[0-9]", text.lower())}):
        kept |= _ranks_used(word, ranks)
    return CutVocabulary(tuple(merges[rank] for rank in sorted(kept)))


def _ranks_used(word: str, ranks: dict[Merge, int]) -> set[int]:
    """Every merge on the way from the letters of `word` to its final tokens."""
    pieces = [*word[:-1], word[-1] + _WORD_END]
    used: set[int] = set()
    while len(pieces) > 1:
        known = [(ranks[pair], i) for i, pair in enumerate(itertools.pairwise(pieces)) if pair in ranks]
        if not known:
            break
        rank, i = min(known)
        used.add(rank)
        pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
    return used


def _full_merges() -> list[Merge]:
    spec = importlib.util.find_spec("open_clip")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("open_clip is not installed; it carries the byte-pair merge table")
    table = Path(spec.submodule_search_locations[0]) / "bpe_simple_vocab_16e6.txt.gz"
    with gzip.open(table, "rt", encoding="utf-8") as lines:
        next(lines)
        pairs = [line.split() for _, line in zip(range(_FULL_MERGES), lines, strict=False)]
    return [(a, b) for a, b in pairs]


def byte_letters() -> Iterable[str]:
    """The printable stand-ins of the 256 bytes, in CLIP's order: printable bytes first, then the rest."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    yield from (chr(b) for b in printable)
    yield from (chr(256 + i) for i in range(256 - len(printable)))
