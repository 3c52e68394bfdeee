"""CLIP's byte-pair tokenizer in plain Python: text to token ids where torch is not at hand. No torch.

The engine uses transformers' tokenizer; `tests/generator/models/test_clip_words.py` holds the two equal.
"""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from generator.demo.tokenizer import END, START, Merge, byte_letters, cut_vocabulary

_ALL_MERGES = 10**6
_SPECIAL = re.compile(f"({re.escape(START)}|{re.escape(END)})")
_CONTRACTION = re.compile(r"'(?:s|t|re|ve|m|ll|d)")
_LONGEST_WORD = 256
"""Characters merged at once: merging takes quadratic time. Longer runs are cut; people do not write them."""
_REMEMBERED = 20_000
"""Words whose tokens are kept."""


@dataclass(slots=True)
class ClipWords:
    """A byte-pair vocabulary that turns text into token ids; threads may share one."""

    ids: Mapping[str, int]
    """Token id by token; all byte letters must be in it."""
    ranks: Mapping[Merge, int]
    """Rank by merge, lower first."""
    _bytes: dict[int, str] = field(init=False)
    _known: dict[str, tuple[int, ...]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
        order = [*printable, *(byte for byte in range(256) if byte not in printable)]
        self._bytes = dict(zip(order, byte_letters(), strict=True))

    @classmethod
    def of(cls, tokens: Sequence[str], merges: Sequence[Merge]) -> ClipWords:
        """From tokens in the order of their ids, and merges in rank order."""
        return cls({token: i for i, token in enumerate(tokens)}, {merge: rank for rank, merge in enumerate(merges)})

    def __call__(self, text: str) -> list[int]:
        """Token ids of `text` without start, end or padding; empty for nothing but white space."""
        found: list[int] = []
        for part in _SPECIAL.split(text):
            if part in (START, END):
                found.append(self.ids[part])
                continue
            for word in _words(unicodedata.normalize("NFC", part).lower()):
                found += self._tokens(word)
        return found

    def _tokens(self, word: str) -> tuple[int, ...]:
        known = self._known.get(word)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[word] = tuple(self.ids.get(piece, self.ids[END]) for piece in self._merged(word))
        return known

    def _merged(self, word: str) -> list[str]:
        """The letters of `word`, merged by rank until nothing merges."""
        pieces = [self._bytes[byte] for byte in word.encode("utf-8", "replace")]
        pieces[-1] += "</w>"
        while len(pieces) > 1:
            best = min(itertools.pairwise(pieces), key=self._rank)
            if best not in self.ranks:
                break
            joined: list[str] = []
            at = 0
            while at < len(pieces):
                is_best = tuple(pieces[at : at + 2]) == best
                joined.append("".join(best) if is_best else pieces[at])
                at += 2 if is_best else 1
            pieces = joined
        return pieces

    def _rank(self, pair: Merge) -> float:
        return self.ranks.get(pair, float("inf"))


def clip_words() -> ClipWords:
    """CLIP's own 49,408 tokens, which every SD1.5 checkpoint uses.

    Raises:
        FileNotFoundError: open_clip, which carries the byte-pair table, is not installed.
    """
    vocabulary = cut_vocabulary((), common=_ALL_MERGES)
    return ClipWords.of(vocabulary.tokens, vocabulary.merges)


def folder_words(folder: Path) -> ClipWords | None:
    """The vocabulary of a tokenizer folder (`vocab.json`, `merges.txt`); `None` when it does not hold one."""
    try:
        ids = json.loads((folder / "vocab.json").read_text("utf-8"))
        lines = (folder / "merges.txt").read_text("utf-8").splitlines()
    except (OSError, ValueError, RecursionError):
        return None
    pairs = [tuple(line.split()) for line in lines if line and not line.startswith("#version")]
    if not isinstance(ids, dict) or END not in ids or START not in ids:
        return None
    return ClipWords(ids, {(pair[0], pair[1]): rank for rank, pair in enumerate(pairs) if len(pair) == 2})


def _words(text: str) -> Iterator[str]:
    """CLIP's pieces: contractions, runs of letters, single digits, runs of other signs."""
    at = 0
    while at < len(text):
        contraction = _CONTRACTION.match(text, at)
        if contraction is not None:
            yield contraction[0]
            at = contraction.end()
            continue
        kind = _kind(text[at])
        end = at + 1
        if kind in "LO":
            while end < len(text) and end - at < _LONGEST_WORD and _kind(text[end]) == kind:
                end += 1
        if kind != " ":
            yield text[at:end]
        at = end


def _kind(character: str) -> str:
    """`L` letter, `N` number, ` ` white space, `O` any other sign."""
    if character.isspace():
        return " "
    category = unicodedata.category(character)[0]
    return category if category in "LN" else "O"
