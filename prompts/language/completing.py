"""What a half-written phrase may become: the phrases that begin like it, then those with a word that begins like it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass

SHORTEST = 2
"""Latin letters that a query has at least; one character of Chinese or Japanese says enough."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One phrase that can be put in."""

    kind: str
    """`tag`, `word`, `lora`, `embedding` or `wildcard`."""
    text: str
    """What goes into the prompt."""
    note: str = ""
    """Where it comes from: a list's name, a family."""
    key: str = ""
    """What is typed to find it, when that is not `text`: `猫` for `cat`."""
    rank: int = 0
    """Lower ones are told first among equals."""

    @property
    def typed(self) -> str:
        """The key, folded."""
        return (self.key or self.text).casefold()


class Completions:
    """A table that answers prefixes; made once, read by any number of threads."""

    def __init__(self, entries: Iterable[Completion]) -> None:
        unique: dict[tuple[str, str], Completion] = {}
        for entry in entries:
            unique.setdefault((entry.typed, entry.text), entry)
        self._entries = sorted(unique.values(), key=lambda entry: entry.typed)
        self._keys = [entry.typed for entry in self._entries]

    def find(self, query: str, limit: int) -> list[Completion]:
        """Up to `limit` phrases: the query as a beginning first, short and well-ranked ones before others.

        Empty for a query that says too little.
        """
        wanted = query.strip().casefold()
        if not wanted or (len(wanted) < SHORTEST and wanted.isascii()):
            return []
        order = _order(wanted)
        found = _once(sorted(self._beginning_with(wanted), key=order))[:limit]
        if len(found) < limit and len(wanted) > SHORTEST:
            inside = (e for e, key in zip(self._entries, self._keys, strict=True) if f" {wanted}" in key)
            found = _once([*found, *sorted(inside, key=order)])
        return found[:limit]

    def _beginning_with(self, wanted: str) -> list[Completion]:
        start = bisect_left(self._keys, wanted)
        end = bisect_left(self._keys, wanted + "\U0010ffff")
        return self._entries[start:end]


def _order(wanted: str) -> Callable[[Completion], tuple[bool, int, str]]:
    """What is exactly what was typed first; then a good list weighs as much as a few letters less."""
    return lambda entry: (entry.typed != wanted, len(entry.typed) + 4 * entry.rank, entry.typed)


def _once(entries: Iterable[Completion]) -> list[Completion]:
    """Each text where it is told first."""
    told: dict[tuple[str, str], Completion] = {}
    for entry in entries:
        told.setdefault((entry.kind, entry.text.casefold()), entry)
    return list(told.values())
