"""One model of the catalogue, and how a file or folder is described as one. Reads headers only. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from generator.errors import ModelMissing, ModelRefused
from generator.models.convert import PICKLE_SUFFIXES
from generator.models.family import (
    Family,
    checkpoint_file_family,
    checkpoint_folder_family,
    embedding_family,
    lora_family,
)
from generator.models.finite import NOT_FINITE, not_finite_sentence
from generator.models.folder_parts import check_folder
from generator.models.profile import CheckpointProfile, checkpoint_profile
from generator.models.safetensors_header import TensorInfo, read_header
from generator.models.trigger_words import LoraNotes, lora_notes

Kind = Literal["file", "folder", "refused"]
INCOMPLETE = "model_incomplete"
"""The code of a checkpoint that lacks a part."""
_VAE = "first_stage_model."
_UNET_WEIGHTS = Path("unet") / "diffusion_pytorch_model.safetensors"


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One checkpoint or LoRA of the catalogue."""

    name: str
    """File or folder name without suffix; with its sub-folder where that is needed to be unique."""
    path: Path
    kind: Kind
    """`file` (.safetensors), `folder` (diffusers), or `refused`: listed so that its absence explains itself."""
    family: Family = "unknown"
    alias: str = ""
    """The name written inside the file (`ss_output_name`); empty for none."""
    notes: LoraNotes = field(default_factory=LoraNotes)
    """Trigger words and suggested strength of a LoRA."""
    profile: CheckpointProfile = field(default_factory=CheckpointProfile)
    """What a checkpoint draws well by."""
    refusal: str = ""
    """Why a refused entry will not be opened, as a sentence; empty for the others."""
    refusal_code: str = ""

    @property
    def weights(self) -> Path:
        """The file whose hash names this model: the single file, or a folder's UNet weights."""
        return self.path / _UNET_WEIGHTS if self.kind == "folder" else self.path


def checkpoint_entry(name: str, path: Path) -> ModelEntry:
    """A checkpoint: a diffusers folder, or a file."""
    if path.is_dir():
        return _folder_entry(name, path)
    if path.suffix.lower() in PICKLE_SUFFIXES:
        return _refused_pickle(name, path)
    try:
        header = read_header(path)
    except ModelRefused as refused:
        return _refused(name, path, refused.detail, refused.stable_code)
    family = checkpoint_file_family(header.tensors)
    if family != "unknown" and not any(key.startswith(_VAE) for key in header.tensors):
        sentence = f"{path.name} has no VAE inside, so it draws nothing by itself. Get the whole checkpoint."
        return _refused(name, path, sentence, INCOMPLETE)
    return ModelEntry(name, path, "file", family, profile=checkpoint_profile(path, header.metadata))


def _folder_entry(name: str, path: Path) -> ModelEntry:
    """A folder of a family that is drawn has to be whole; the others are refused by their family."""
    family = checkpoint_folder_family(path)
    try:
        if family != "unknown":
            check_folder(path)
    except ModelMissing as absent:
        return _refused(name, path, absent.detail, INCOMPLETE)
    except ModelRefused as refused:
        return _refused(name, path, refused.detail, refused.stable_code)
    except OSError as unreadable:
        reason = unreadable.strerror or "unknown reason"
        return _refused(name, path, f"A file of {path.name} cannot be read: {reason}.", INCOMPLETE)
    return ModelEntry(name, path, "folder", family, profile=checkpoint_profile(path, {}))


def lora_entry(name: str, path: Path) -> ModelEntry:
    """A LoRA file."""
    if path.suffix.lower() in PICKLE_SUFFIXES:
        return _refused_pickle(name, path)
    try:
        header = read_header(path)
    except ModelRefused as refused:
        return _refused(name, path, refused.detail, refused.stable_code)
    alias, notes = header.metadata.get("ss_output_name", ""), lora_notes(path, header.metadata)
    return ModelEntry(name, path, "file", lora_family(header), alias=alias, notes=notes)


def embedding_entry(name: str, path: Path) -> ModelEntry:
    """A textual inversion."""
    return _plain_entry(name, path, embedding_family)


def vae_entry(name: str, path: Path) -> ModelEntry:
    """A VAE file."""
    return _plain_entry(name, path, lambda _: "unknown")


def upscaler_entry(name: str, path: Path) -> ModelEntry:
    """An upscaling network."""
    return vae_entry(name, path)


def _plain_entry(name: str, path: Path, family_of: Callable[[Mapping[str, TensorInfo]], Family]) -> ModelEntry:
    if path.suffix.lower() in PICKLE_SUFFIXES:
        return _refused_pickle(name, path)
    try:
        return ModelEntry(name, path, "file", family_of(read_header(path).tensors))
    except ModelRefused as refused:
        return _refused(name, path, refused.detail, refused.stable_code)


def _refused_pickle(name: str, path: Path) -> ModelEntry:
    sentence = (
        f"{path.name} is a pickle, which can run code when opened. Convert it first: "
        f"`spellwright models convert {path.name}` writes a .safetensors from an isolated process."
    )
    return _refused(name, path, sentence, "pickle_refused")


def without_numbers(entry: ModelEntry, key: str) -> ModelEntry:
    """The entry, refused because its tensor `key` holds NaN or infinite weights."""
    return replace(entry, kind="refused", refusal=not_finite_sentence(entry.path, key), refusal_code=NOT_FINITE)


def _refused(name: str, path: Path, sentence: str, code: str) -> ModelEntry:
    return ModelEntry(name, path, "refused", refusal=sentence, refusal_code=code)
