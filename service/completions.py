"""Use case: what a half-written phrase may become, from this machine's models, files and the term lists."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Iterator
from pathlib import Path

from prompts.errors import InterrogationError
from prompts.expansion.offline.glossary import rows, words_of
from prompts.interrogation.terms import published_lists
from prompts.language import load_wildcards
from prompts.language.completing import Completion, Completions
from service.catalogue import Catalogue

TAGS_FOLDER, WILDCARDS_FOLDER = "tags", "wildcards"
TAG_FILE_BYTES = 16 * 1024 * 1024
RANKS = {"mediums": 2, "movements": 2, "trendings": 3, "flavors": 4, "artists": 5}
COMMON_POSTS = 100_000
"""A tag with so many pictures is told before the word lists."""


class PhraseBook:
    """Answers completions; the big tables are read at the first question and kept.

    Args:
        catalogue: Names the LoRAs and the embeddings.
        data_dir: Its `wildcards/*.txt` and `tags/*.csv` (name, category, count, aliases: the format of the web UI's
            tag lists) are offered too.
    """

    def __init__(self, catalogue: Catalogue, data_dir: Path) -> None:
        self._catalogue = catalogue
        self._data_dir = data_dir
        self._words: Completions | None = None
        self._lock = asyncio.Lock()

    async def find(self, query: str, kinds: frozenset[str], limit: int) -> list[Completion]:
        """Up to `limit` phrases of `kinds` (empty: every kind) for `query`; LoRAs and wildcards first."""
        own = Completions([*await self._models(), *await asyncio.to_thread(_wildcards, self._data_dir)])
        found = own.find(query, limit)
        words = await self._table()
        found += await asyncio.to_thread(words.find, query, limit)
        return [entry for entry in found if not kinds or entry.kind in kinds][:limit]

    async def _models(self) -> list[Completion]:
        loras, embeddings = await self._catalogue.loras(), await self._catalogue.embeddings()
        return [
            *(Completion("lora", info.name, info.family) for info in loras if info.is_usable),
            *(Completion("embedding", info.name) for info in embeddings if info.is_usable),
        ]

    async def _table(self) -> Completions:
        async with self._lock:
            if self._words is None:
                self._words = await asyncio.to_thread(_read_words, self._data_dir)
            return self._words


def _wildcards(data_dir: Path) -> list[Completion]:
    return [
        Completion("wildcard", f"__{name}__", str(len(lines)), key=name)
        for name, lines in load_wildcards(data_dir / WILDCARDS_FOLDER).items()
    ]


def _read_words(data_dir: Path) -> Completions:
    """The glossary (also by its Chinese words), the published lists, and the operator's own."""
    entries = [Completion("word", term.english, term.kind, rank=1) for term, _ in rows() if term.english]
    entries += [
        Completion("word", term.english, term.kind, key=word, rank=1)
        for word, term in words_of("zh").items()
        if term.english
    ]
    try:
        for terms in published_lists():
            if terms.category in RANKS:
                entries += [Completion("tag", text, terms.category, rank=RANKS[terms.category]) for text in terms.texts]
    except InterrogationError:  # the lists come with a package that is not installed; there are others
        pass
    return Completions([*entries, *_own_tags(data_dir / TAGS_FOLDER)])


def _own_tags(folder: Path) -> Iterator[Completion]:
    for path in sorted(folder.glob("*.csv")) if folder.is_dir() else ():
        if path.stat().st_size > TAG_FILE_BYTES:
            continue
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            for row in csv.reader(file):
                if row and row[0].strip():
                    yield from _tag(path.stem, row)


def _tag(source: str, row: list[str]) -> Iterator[Completion]:
    """A tag under its own name and under its aliases."""
    text = row[0].strip().replace("_", " ")
    count = int(row[2]) if len(row) > 2 and row[2].isdigit() else 0
    aliases = row[3].split(",") if len(row) > 3 else []
    for key in (text, *(alias.strip().replace("_", " ") for alias in aliases if alias.strip())):
        yield Completion("tag", text, source, key=key, rank=0 if count >= COMMON_POSTS else 2)
