"""Which checkpoints and LoRAs are on this machine, and which one a name means. No torch."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from generator.config import ModelFolders
from generator.errors import CheckpointNotFound, LoraIncompatible, LoraNotFound, ModelRefused, VaeNotFound
from generator.models.convert import PICKLE_SUFFIXES
from generator.models.entries import (
    ModelEntry as ModelEntry,
)
from generator.models.entries import (
    checkpoint_entry,
    embedding_entry,
    lora_entry,
    upscaler_entry,
    vae_entry,
    without_numbers,
)
from generator.models.folder_parts import folder_stamp
from generator.models.hashes import SHORT, HashCache, old_hash
from generator.models.trigger_words import sidecar_times
from prompts.errors import near_hint, near_names

_TITLE_HASH = re.compile(r"\s*\[[0-9a-fA-F]{6,64}\]$")
_HASH = re.compile(r"[0-9a-fA-F]{8,64}")
_LONG = 12  # hex digits
_WEB_UI_UPSCALERS: Mapping[str, str] = MappingProxyType(
    {
        "r-esrgan 4x+": "RealESRGAN_x4plus",
        "r-esrgan 4x+ anime6b": "RealESRGAN_x4plus_anime_6B",
        "r-esrgan 2x+": "RealESRGAN_x2plus",
        "r-esrgan general 4xv3": "realesr-general-x4v3",
        "r-esrgan general wdn 4xv3": "realesr-general-wdn-x4v3",
        "r-esrgan animevideo": "realesr-animevideov3",
        "esrgan_4x": "ESRGAN",
    }
)
"""The file's name for what the web UI lists under a name of its own."""


class Catalogue:
    """The models in the configured folders. Reads headers only; one thread at a time."""

    def __init__(self, folders: ModelFolders, hashes: HashCache | None = None) -> None:
        """Scans at once; call `refresh` after files came or went."""
        self._folders = folders
        self._hashes = hashes or HashCache()
        self._described: dict[tuple[str | int, ...], ModelEntry] = {}
        self._checkpoints: tuple[ModelEntry, ...] = ()
        self._loras: tuple[ModelEntry, ...] = ()
        self.refresh()

    def refresh(self) -> None:
        """Scan the folders again; files that did not change are not read again."""
        checkpoint, lora = self._remembering(checkpoint_entry), self._remembering(lora_entry)
        built_in = [checkpoint(name, path) for name, path in self._folders.built_in_checkpoints]
        found = _scan(self._folders.checkpoints, checkpoint, find_folders=True)
        self._checkpoints = self._judged(_unique([*built_in, *found]))
        built_in = [lora(name, path) for name, path in self._folders.built_in_loras]
        self._loras = self._judged(_unique([*built_in, *_scan(self._folders.loras, lora, find_folders=False)]))
        self._vaes = self._others(self._folders.vaes, vae_entry)
        self._upscalers = self._others(self._folders.upscalers, upscaler_entry)
        self.refreshed_embeddings()

    def check_numbers(self, entry: ModelEntry) -> None:
        """Refuse a model whose weights are not all numbers; of a folder the UNet's are looked at.

        The file is read at the first time only; from then on it is listed as refused.

        Raises:
            ModelRefused: code `model_not_finite`, or `safetensors_invalid`.
        """
        key = self._hashes.first_not_finite(entry.weights) if entry.weights.is_file() else ""
        if key:
            _usable(without_numbers(entry, key))

    def _judged(self, entries: Iterable[ModelEntry]) -> tuple[ModelEntry, ...]:
        """The entries, refused where an earlier look found weights that are not numbers."""
        known = ((e, "" if e.kind == "refused" else self._hashes.known_not_finite(e.weights)) for e in entries)
        return tuple(without_numbers(entry, key) if key else entry for entry, key in known)

    def _others(self, folder: Path | None, describe: Callable[[str, Path], ModelEntry]) -> tuple[ModelEntry, ...]:
        found = [] if folder is None else _scan(folder, self._remembering(describe), find_folders=False)
        return self._judged(_unique(found))

    def refreshed_embeddings(self) -> tuple[ModelEntry, ...]:
        """Scan the folder of textual inversions again; the same as `embeddings` afterwards."""
        self._embeddings = self._others(self._folders.embeddings, embedding_entry)
        return self._embeddings

    def embeddings(self) -> tuple[ModelEntry, ...]:
        """All textual inversions by name; refused ones are among them."""
        return self._embeddings

    def vaes(self) -> tuple[ModelEntry, ...]:
        """All VAEs by name; refused ones are among them."""
        return self._vaes

    def upscalers(self) -> tuple[ModelEntry, ...]:
        """All upscaling networks by name; refused ones are among them."""
        return self._upscalers

    def vae(self, name: str) -> ModelEntry:
        """The VAE meant by a name, file name or hash.

        Raises:
            VaeNotFound: With near names.
            ModelRefused: It is there but will not be opened.
        """
        entry = self._find(name, self._vaes)
        if entry is None:
            near = near_names(name, [e.name for e in self._vaes])
            raise VaeNotFound(
                f"There is no VAE called {name!r} here.{near_hint(near)} 'Automatic' takes the checkpoint's own.",
                got=name,
                near=list(near),
            )
        return _usable(entry)

    def upscaler(self, name: str) -> ModelEntry | None:
        """The upscaling network meant by a name, file name or the web UI's name for it; `None` without one.

        Raises:
            ModelRefused: It is there but will not be opened.
        """
        wanted = _WEB_UI_UPSCALERS.get(name.strip().casefold(), name)
        entry = self._find(wanted, self._upscalers)
        return None if entry is None else _usable(entry)

    def checkpoints(self) -> tuple[ModelEntry, ...]:
        """All checkpoints, built-in ones first, then by name; refused ones are among them."""
        return self._checkpoints

    def loras(self) -> tuple[ModelEntry, ...]:
        """All LoRAs, built-in ones first, then by name; refused ones are among them."""
        return self._loras

    def checkpoint(self, name: str) -> ModelEntry:
        """The checkpoint meant by a name, file name, web UI title (`x.safetensors [hash]`) or hash.

        Raises:
            CheckpointNotFound: With near names.
            ModelRefused: It is there but will not be opened (a pickle, a malformed file).
        """
        entry = self._find(name, self._checkpoints)
        if entry is None:
            near = near_names(name, [e.name for e in self._checkpoints])
            raise CheckpointNotFound(
                f"There is no checkpoint called {name!r} here.{near_hint(near)}", got=name, near=list(near)
            )
        return _usable(entry)

    def lora(self, name: str) -> ModelEntry:
        """The LoRA meant by a name, file name, alias or hash.

        Raises:
            LoraNotFound: With near names.
            ModelRefused: It is there but will not be opened.
        """
        entry = self._find(name, self._loras)
        if entry is None:
            near = near_names(name, [n for e in self._loras for n in (e.name, e.alias) if n])
            raise LoraNotFound(f"There is no LoRA called {name!r} here.{near_hint(near)}", got=name, near=list(near))
        return _usable(entry)

    def sha256(self, entry: ModelEntry) -> str:
        """The SHA-256 of the model's weights file (64 hex digits); its first 10 are AutoV2 and A1111's model hash."""
        return self._hashes.sha256(entry.weights)

    def short_hash(self, entry: ModelEntry) -> str:
        """The first 10 hex digits of `sha256`: Civitai's AutoV2, A1111's `Model hash`."""
        return self.sha256(entry)[:SHORT]

    def file_hashes(self, entry: ModelEntry) -> tuple[str, ...]:
        """Every hash that pictures name a checkpoint by: SHA-256, and A1111's old one of 8 digits."""
        return self.sha256(entry), old_hash(entry.weights)

    def lora_hashes(self, entry: ModelEntry) -> tuple[str, ...]:
        """Every hash that pictures name a LoRA by: SHA-256 of its weights alone, and of the file."""
        return self._hashes.weights_sha256(entry.weights), self.sha256(entry)

    def embedding_hash(self, entry: ModelEntry) -> str:
        """The first 12 hex digits of a textual inversion's SHA-256: A1111's `TI hashes`."""
        return self.sha256(entry)[:_LONG]

    def lora_hash(self, entry: ModelEntry) -> str:
        """The first 12 hex digits over a LoRA's weights alone: A1111's `Lora hashes`."""
        return self._hashes.weights_sha256(entry.weights)[:_LONG]

    def is_hashed(self, entry: ModelEntry) -> bool:
        """Whether `sha256` answers without reading the file."""
        return self._hashes.knows(entry.weights)

    def _remembering(self, describe: Callable[[str, Path], ModelEntry]) -> Callable[[str, Path], ModelEntry]:
        def described(name: str, path: Path) -> ModelEntry:
            stat = path.stat()
            key: tuple[str | int, ...] = (
                describe.__name__,
                str(path),
                stat.st_size,
                stat.st_mtime_ns,
                *sidecar_times(path),
            )
            if path.is_dir():  # a folder's own time does not tell of its files
                key += folder_stamp(path)
            if key not in self._described:
                self._described[key] = describe(name, path)
            return replace(self._described[key], name=name)

        return described

    def _find(self, name: str, entries: Sequence[ModelEntry]) -> ModelEntry | None:
        wanted = _bare(name)
        for names_of in (_full_names, _stems, _aliases):
            for entry in entries:
                if wanted in names_of(entry):
                    return entry
        hash_in_title = re.search(r"\[([0-9a-fA-F]{6,64})\]$", name.strip())
        digits = hash_in_title.group(1) if hash_in_title else name.strip()
        if not _HASH.fullmatch(digits):
            return None
        openable = (e for e in entries if e.kind != "refused" and e.weights.is_file())
        return next((e for e in openable if self.sha256(e).startswith(digits.lower())), None)


def check_lora_fits(lora: ModelEntry, checkpoint: ModelEntry) -> None:
    """Refuse a LoRA of another family before anything is loaded; an unknown family passes.

    Raises:
        LoraIncompatible: Both families are known and differ.
    """
    if "unknown" in (lora.family, checkpoint.family) or lora.family == checkpoint.family:
        return
    raise LoraIncompatible(
        f"The LoRA {lora.name!r} was trained for {lora.family}; "
        f"the checkpoint {checkpoint.name!r} is {checkpoint.family}.",
        lora=lora.name,
        found=lora.family,
        expected=checkpoint.family,
    )


def _full_names(entry: ModelEntry) -> tuple[str, ...]:
    return (_bare(entry.name),)


def _stems(entry: ModelEntry) -> tuple[str, ...]:
    return (_bare(entry.path.name),)


def _aliases(entry: ModelEntry) -> tuple[str, ...]:
    return (_bare(entry.alias),) if entry.alias else ()


def _bare(name: str) -> str:
    """A name as it is compared: no title hash, no suffix, no case."""
    bare = _TITLE_HASH.sub("", name.strip()).casefold()
    for suffix in (".safetensors", *PICKLE_SUFFIXES):
        bare = bare.removesuffix(suffix)
    return bare.replace("\\", "/")


def _usable(entry: ModelEntry) -> ModelEntry:
    if entry.kind == "refused":
        refused = ModelRefused(entry.refusal, file=entry.path.name)
        refused.with_code(entry.refusal_code)
        raise refused
    return entry


def _scan(root: Path, describe: Callable[[str, Path], ModelEntry], *, find_folders: bool) -> list[ModelEntry]:
    """Entries under `root`, by name; a missing folder has none."""
    found = []
    for path in sorted(_model_paths(root, find_folders=find_folders)):
        relative = path.relative_to(root)
        name = relative.as_posix() if path.is_dir() else relative.with_suffix("").as_posix()
        found.append(describe(name, path))
    stems = [e.name.rsplit("/", 1)[-1].casefold() for e in found]
    return [
        replace(e, name=e.name.rsplit("/", 1)[-1]) if stems.count(stem) == 1 else e
        for e, stem in zip(found, stems, strict=True)
    ]


def _model_paths(root: Path, *, find_folders: bool) -> Iterator[Path]:
    seen: set[str] = set()
    for folder, names, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link that leads back up
            names.clear()
            continue
        seen.add(real)
        here = Path(folder)
        if find_folders and "model_index.json" in files and here != root:
            names.clear()
            yield here
            continue
        yield from (here / f for f in files if f.lower().endswith((".safetensors", *PICKLE_SUFFIXES)))


def _unique(entries: list[ModelEntry]) -> tuple[ModelEntry, ...]:
    """Entries without those whose name is taken already (built-in ones come first)."""
    by_name: dict[str, ModelEntry] = {}
    for entry in entries:
        by_name.setdefault(entry.name.casefold(), entry)
    return tuple(by_name.values())
