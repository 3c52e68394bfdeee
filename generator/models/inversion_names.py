"""Which textual inversions (embeddings) a prompt names, by the web UI's rule. No torch.

A name counts wherever its tokens stand in a row, so case does not matter and punctuation around it neither; the
longest name that fits goes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from generator.models.catalogue import ModelEntry

Tokenize = Callable[[str], list[int]]


@dataclass(frozen=True, slots=True)
class Named:
    """One place of a token row that names an embedding."""

    start: int
    length: int
    """Tokens of the name."""
    entry: ModelEntry


class InversionNames:
    """The embeddings of this machine by the tokens of their names."""

    def __init__(self, entries: Iterable[ModelEntry], tokenize: Tokenize) -> None:
        """`tokenize` is the checkpoint's: text to token ids."""
        self._tokenize = tokenize
        self._by_first: dict[int, list[tuple[tuple[int, ...], ModelEntry]]] = {}
        for entry in entries:
            ids = tuple(tokenize(entry.path.stem))
            if ids:
                self._by_first.setdefault(ids[0], []).append((ids, entry))
        for candidates in self._by_first.values():
            candidates.sort(key=lambda pair: -len(pair[0]))

    def find(self, ids: Sequence[int]) -> Iterator[Named]:
        """Every place of `ids` that names one, from left to right, without overlaps."""
        at = 0
        while at < len(ids):
            found = self._at(ids, at)
            if found is None:
                at += 1
                continue
            yield found
            at += found.length

    def named_in(self, text: str) -> tuple[ModelEntry, ...]:
        """The embeddings that `text` names, each once, in order."""
        by_name = {named.entry.name: named.entry for named in self.find(self._tokenize(text))}
        return tuple(by_name.values())

    def _at(self, ids: Sequence[int], at: int) -> Named | None:
        for name, entry in self._by_first.get(ids[at], ()):
            if tuple(ids[at : at + len(name)]) == name:
                return Named(at, len(name), entry)
        return None
