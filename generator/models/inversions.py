"""Textual inversions (embeddings): learned vectors that a name in the prompt stands for. arXiv:2208.01618.

Read are the web UI's and diffusers' layouts, as safetensors: `emb_params` or any single tensor for SD1.x, `clip_l` and
`clip_g` for SDXL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from generator.errors import ModelRefused
from generator.models.catalogue import Catalogue, ModelEntry
from generator.models.checkpoint import Checkpoint
from generator.models.inversion_names import InversionNames
from generator.models.safetensors_header import read_header
from generator.models.text_tower import Vectors
from generator.models.weights import read_weights

_FIRST_ID = 1_000_000
"""Token ids from here on stand for learned vectors; CLIP's end at 49,407."""
_MOST_VECTORS = 75


@dataclass(frozen=True)
class Inversion:
    """One embedding, read."""

    name: str
    by_tower: tuple[Tensor, ...]
    """Per text encoder `(vectors, width)`."""

    @property
    def count(self) -> int:
        """Vectors: how many tokens of a chunk it takes."""
        return int(self.by_tower[0].shape[0])


def read_inversion(entry: ModelEntry, widths: Sequence[int]) -> Inversion:
    """Read an embedding for text encoders of these widths.

    Raises:
        ModelRefused: code `embedding_invalid`; it does not hold what its kind holds, or is for another base.
    """
    tensors = read_weights(entry.path)
    if "clip_l" in tensors and "clip_g" in tensors:
        rows = [tensors["clip_l"], tensors["clip_g"]]
    else:
        rows = [tensors["emb_params"]] if "emb_params" in tensors else list(tensors.values())
    shaped = tuple((row.unsqueeze(0) if row.dim() == 1 else row).float() for row in rows)
    is_sound = all(row.dim() == 2 and 0 < row.shape[0] <= _MOST_VECTORS for row in shaped)
    if not is_sound or len({row.shape[0] for row in shaped}) != 1:
        raise _invalid(entry, "it does not hold the vectors of one embedding")
    if [row.shape[1] for row in shaped] != list(widths):
        raise _invalid(
            entry, f"its vectors are {[row.shape[1] for row in shaped]} wide, this checkpoint's {list(widths)}"
        )
    return Inversion(entry.path.stem, shaped)


class Inversions:
    """The embeddings of one machine for one checkpoint: prompt tokens to tokens with learned ones among them."""

    def __init__(self, checkpoint: Checkpoint, catalogue: Catalogue) -> None:
        """Reads nothing yet."""
        self._checkpoint = checkpoint
        self._catalogue = catalogue
        self._entries: tuple[ModelEntry, ...] = ()
        self._names = InversionNames((), checkpoint.tokenize)
        self._by_file: dict[str, tuple[int, Inversion]] = {}
        self._vectors: dict[int, tuple[Tensor, ...]] = {}
        self._lengths: dict[int, int] = {}

    def refresh(self) -> None:
        """Look for embeddings that came or went."""
        entries = self._catalogue.refreshed_embeddings()
        if entries != self._entries:
            self._entries = entries
            self._names = InversionNames(entries, self._checkpoint.tokenize)

    def tokenize(self, text: str) -> list[int]:
        """Token ids of `text`; each name of an embedding became ids of its own, one per vector.

        Raises:
            ModelRefused: An embedding of this checkpoint's family is malformed.
        """
        ids = self._checkpoint.tokenize(text)
        told: list[int] = []
        at = 0
        for named in self._names.find(ids):
            if not self._fits(named.entry):
                continue
            told += ids[at : named.start]
            first, inversion = self._read(named.entry)
            told += range(first, first + inversion.count)
            at = named.start + named.length
        return told + ids[at:]

    def length(self, token: int) -> int:
        """How many tokens from this one on must stay in one chunk; 1 for ordinary ones."""
        return self._lengths.get(token, 1)

    def vectors(self, tower: int) -> Vectors:
        """The learned vectors for the text encoder of that number."""
        return lambda token: self._vectors[token][tower] if token in self._vectors else None

    def notes(self, text: str) -> tuple[str, ...]:
        """What of the embeddings that `text` names was read as plain words, and why."""
        told = []
        for entry in self._names.named_in(text):
            if entry.kind == "refused":
                told.append(f"The embedding {entry.name!r} was read as plain words: {entry.refusal}")
            elif not self._fits(entry):
                base = entry.family if entry.family != "unknown" else "another base"
                told.append(f"The embedding {entry.name!r} is for {base}; its name was read as plain words.")
        return tuple(told)

    def _fits(self, entry: ModelEntry) -> bool:
        """Whether the file's header promises vectors as wide as this checkpoint's text encoders."""
        if entry.kind == "refused":
            return False
        tensors = read_header(entry.path).tensors
        is_sdxl = "clip_l" in tensors and "clip_g" in tensors
        rows = [tensors["clip_l"], tensors["clip_g"]] if is_sdxl else list(tensors.values())
        return [row.shape[-1] for row in rows if row.shape] == [tower.width for tower in self._checkpoint.towers]

    def _read(self, entry: ModelEntry) -> tuple[int, Inversion]:
        stat = entry.path.stat()
        key = f"{entry.path}|{stat.st_size}|{stat.st_mtime_ns}"
        if key not in self._by_file:
            found = read_inversion(entry, [tower.width for tower in self._checkpoint.towers])
            # Never reused for another file: encoded texts are remembered by these ids.
            first = _FIRST_ID + len(self._by_file) * (_MOST_VECTORS + 1)
            self._by_file[key] = (first, found)
            self._lengths[first] = found.count
            for row in range(found.count):
                self._vectors[first + row] = tuple(tower[row] for tower in found.by_tower)
        return self._by_file[key]


def _invalid(entry: ModelEntry, reason: str) -> ModelRefused:
    refused = ModelRefused(f"The embedding {entry.name!r} cannot be used: {reason}.", file=entry.path.name)
    refused.with_code("embedding_invalid")
    return refused
