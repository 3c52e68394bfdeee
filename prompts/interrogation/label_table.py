"""Text features of whole term lists, computed once per weights and kept on disk."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from prompts.interrogation.ranking import resident
from prompts.interrogation.terms import TermList
from prompts.interrogation.text_tower import TextTower

CODE_VERSION = "1"
"""Raise when a change of this package changes stored features; old files are then never read again."""

_log = logging.getLogger(__name__)
Progress = Callable[[str, int, int], None]
"""Called with (category, terms done, terms in all) while features are computed."""


@dataclass(frozen=True, slots=True)
class LabelTable:
    """All terms of several lists with their features in one resident tensor."""

    texts: tuple[str, ...]
    """Every term, list after list."""
    categories: tuple[tuple[str, int, int], ...]
    """(category, first row, row after the last)."""
    features: Tensor
    """(terms, dim) float16 or float32, unit length up to half-precision rounding: features are stored as
    float16, as clip-interrogator's are."""

    def rows(self, category: str) -> slice:
        """The rows of one category; an empty slice when there is none of that name."""
        for name, start, stop in self.categories:
            if name == category:
                return slice(start, stop)
        return slice(0, 0)

    def category_of(self, row: int) -> str:
        """The category of a row."""
        return next(name for name, start, stop in self.categories if start <= row < stop)

    def where(self, allows: Callable[[str, str], bool]) -> LabelTable:
        """The table of the terms that `allows(category, text)`, a copy unless that is all; empty lists disappear."""
        rows: list[int] = []
        spans = []
        for name, start, stop in self.categories:
            before = len(rows)
            rows += [row for row in range(start, stop) if allows(name, self.texts[row])]
            if len(rows) > before:
                spans.append((name, before, len(rows)))
        if len(rows) == len(self.texts):
            return self
        features = self.features[torch.tensor(rows, dtype=torch.long, device=self.features.device)]
        return LabelTable(tuple(self.texts[row] for row in rows), tuple(spans), features)

    def part(self, categories: Sequence[str]) -> LabelTable:
        """The table of some categories only, in this table's order; shares memory where they are adjacent."""
        kept = [c for c in self.categories if c[0] in categories]
        if len(kept) == len(self.categories):
            return self
        pieces = [self.features[start:stop] for _, start, stop in kept]
        texts: list[str] = []
        spans = []
        for name, start, stop in kept:
            spans.append((name, len(texts), len(texts) + stop - start))
            texts += self.texts[start:stop]
        if kept and kept[-1][2] - kept[0][1] == len(texts):
            features = self.features[kept[0][1] : kept[-1][2]]
        else:
            features = torch.cat(pieces) if pieces else self.features[:0]
        return LabelTable(tuple(texts), tuple(spans), features)


def table_key(term_list: TermList, text_digest: str) -> str:
    """What a stored table depends on: the tower, the terms and this code; 64 hex digits."""
    digest = hashlib.sha256(f"{CODE_VERSION}\n{text_digest}\n{len(term_list.texts)}\n".encode())
    for text in term_list.texts:
        raw = text.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.hexdigest()


def build_table(
    lists: Sequence[TermList],
    tower: TextTower,
    text_digest: str,
    cache: Path | None,
    on_progress: Progress | None = None,
) -> LabelTable:
    """The table of `lists`, read from `cache` where it is there and computed (and stored) where not.

    Args:
        lists: Categories in the order that breaks ties.
        tower: Computes features.
        text_digest: Fingerprint of `tower` (`ClipTowers.text_digest`).
        cache: A folder, made when needed; `None` keeps nothing. A full or read-only disk costs a warning,
            not the table.
        on_progress: Told about computed terms; never called for what was read.
    """
    texts: list[str] = []
    spans = []
    pieces: list[Tensor] = []
    for each in lists:
        features = _features_of(each, tower, text_digest, cache, on_progress)
        spans.append((each.category, len(texts), len(texts) + len(each.texts)))
        texts += each.texts
        pieces.append(features)
    joined = torch.cat(pieces) if pieces else torch.zeros((0, 1), dtype=torch.float16)
    return LabelTable(tuple(texts), tuple(spans), resident(joined, tower.device))


def _features_of(
    term_list: TermList, tower: TextTower, text_digest: str, cache: Path | None, on_progress: Progress | None
) -> Tensor:
    key = table_key(term_list, text_digest)
    file = None if cache is None else cache / f"{term_list.category}-{key[:20]}.safetensors"
    if file is not None:
        stored = _stored(file, key, len(term_list.texts))
        if stored is not None:
            return stored

    def step(done: int, of: int) -> None:
        if on_progress:
            on_progress(term_list.category, done, of)

    features = tower.encode(term_list.texts, step).half().cpu()
    if file is not None:
        _store(file, key, features)
    return features


def _stored(file: Path, key: str, count: int) -> Tensor | None:
    """The features in `file`, or `None` when it is absent, torn or made for something else."""
    try:
        with safe_open(file, framework="pt") as opened:
            if (opened.metadata() or {}).get("key") != key:
                return None
            features: Tensor = opened.get_tensor("features")
    except (SafetensorError, OSError):
        return None
    return features if features.ndim == 2 and len(features) == count else None


def _store(file: Path, key: str, features: Tensor) -> None:
    """Write beside and rename: a reader sees the whole file or none."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.stem}-", suffix=".tmp")
        os.close(handle)
        beside = Path(name)
        try:
            save_file({"features": features.contiguous()}, beside, metadata={"key": key})
            beside.replace(file)
        finally:
            beside.unlink(missing_ok=True)
    except (OSError, SafetensorError) as failed:
        _log.warning("label table not kept: %s", failed, extra={"action": "label_table_not_kept"})
