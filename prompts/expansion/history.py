"""The versions of a spell as a tree: who changed what, from which version, and the way back. Pure values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from prompts.errors import EditError
from prompts.expansion.applying import apply, locks_after
from prompts.expansion.diff import SpellDiff, diff
from prompts.expansion.edit_json import edits_from_json, edits_to_json
from prompts.expansion.edits import Edit
from prompts.spell import Spell


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a spell. Never changed; a change is another version."""

    number: int
    """1, 2, 3, … in the order in which they were made."""
    spell: Spell
    parent: int | None = None
    """The version it was made from; `None` for the first."""
    author: str = ""
    """Who or what made it: a person's id, `offline`, a model's name."""
    note: str = ""
    """The message that asked for it."""
    edits: tuple[Edit, ...] = ()
    """What turned the parent into it; replaying them gives `spell` again."""
    locked: tuple[str, ...] = ()
    """Phrases that the next turn must keep."""


@dataclass(frozen=True, slots=True)
class History:
    """All versions and the one that stands now."""

    versions: tuple[Version, ...]
    head: int = 1

    @property
    def current(self) -> Version:
        """The version at the head."""
        return self.version(self.head)

    def version(self, number: int) -> Version:
        """Version `number`.

        Raises:
            EditError: There is none.
        """
        if not 1 <= number <= len(self.versions):
            raise EditError(
                f"There is no version {number}; there are {len(self.versions)}.", got=number, limit=len(self.versions)
            )
        return self.versions[number - 1]

    def add(self, edits: Iterable[Edit], author: str = "", note: str = "", parent: int | None = None) -> History:
        """The history with one more version, which becomes the head.

        Args:
            edits: Applied to the parent; see `apply` for what they may raise.
            author: See `Version`.
            note: See `Version`.
            parent: The version to start from; `None` is the head, another one makes a branch.

        Raises:
            EditError: No such parent, or an edit that does not fit.
            PromptError: The result is not a usable spell.
        """
        base = self.current if parent is None else self.version(parent)
        done = tuple(edits)
        made = Version(
            number=len(self.versions) + 1,
            spell=apply(base.spell, done, base.locked),
            parent=base.number,
            author=author,
            note=note,
            edits=done,
            locked=locks_after(base.locked, done),
        )
        return History((*self.versions, made), made.number)

    def undo(self) -> History:
        """The head goes back to its parent; nothing is lost. At the first version: unchanged."""
        parent = self.current.parent
        return self if parent is None else replace(self, head=parent)

    def go_to(self, number: int) -> History:
        """Another version becomes the head.

        Raises:
            EditError: There is none.
        """
        return replace(self, head=self.version(number).number)

    def compare(self, old: int, new: int) -> SpellDiff:
        """What has to be done to version `old` to get version `new`.

        Raises:
            EditError: One of them does not exist.
        """
        return diff(self.version(old).spell, self.version(new).spell)

    def lineage(self, number: int | None = None) -> tuple[Version, ...]:
        """From the first version to `number` (or the head), parents before children."""
        return tuple(reversed(list(self._ancestors(self.head if number is None else number))))

    def children(self, number: int) -> tuple[Version, ...]:
        """The versions made from `number`, oldest first; more than one is a branch."""
        return tuple(version for version in self.versions if version.parent == number)

    def _ancestors(self, number: int) -> Iterator[Version]:
        step: int | None = number
        while step is not None:
            version = self.version(step)
            yield version
            step = version.parent


def begin(spell: Spell, author: str = "", note: str = "") -> History:
    """A history of one version."""
    return History((Version(1, spell, author=author, note=note),))


def turns_to_json(history: History) -> list[dict[str, Any]]:
    """Everything but the spells, JSON-able: the first spell and this rebuild the history with `replay`."""
    return [
        {"parent": v.parent, "author": v.author, "note": v.note, "edits": edits_to_json(v.edits)}
        for v in history.versions[1:]
    ]


def replay(first: Version, turns: Sequence[Mapping[str, Any]], head: int | None = None) -> History:
    """The history that `turns_to_json` wrote, made again edit by edit.

    Args:
        first: Version 1.
        turns: From `turns_to_json`, in order.
        head: Which version stands at the end; `None` is the last.

    Raises:
        EditError: A turn is not what `turns_to_json` writes, or no longer fits.
    """
    history = History((first,))
    for turn in turns:
        parent = turn.get("parent")
        if not isinstance(parent, int):
            raise EditError("A stored turn needs the number of its parent.", field="parent")
        edits = edits_from_json(turn.get("edits"))
        history = history.add(edits, str(turn.get("author", "")), str(turn.get("note", "")), parent)
    return history if head is None else history.go_to(head)
