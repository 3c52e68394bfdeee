"""Bring a model file that lies anywhere into the folder where the catalogue finds it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Literal

from generator.config import ModelFolders
from generator.errors import ModelRefused
from generator.models.convert import PICKLE_SUFFIXES
from generator.models.finite import check_finite
from generator.models.safetensors_header import SafetensorsHeader, read_header

ModelKind = Literal["checkpoint", "LoRA", "embedding", "VAE", "upscaler"]
_LORA_MARKS = (
    *("lora_down", "lora_up", "lora_A", "lora_B", "lora.down", "lora.up"),
    *(".hada_w1_a", ".lokr_w1", ".lokr_w2", ".dora_scale"),
)
_VAE_STARTS = ("first_stage_model.", "decoder.conv_in.", "encoder.conv_in.")
_UPSCALER_STARTS = ("conv_first.", "model.0.", "model.1.sub.", "body.0.", "layers.0.residual_group.")
_CODE = (".py", ".so", ".dll", ".sh")
_SUFFIX = ".safetensors"


def install(source: Path, folders: ModelFolders, *, is_moved: bool = False) -> tuple[ModelKind, Path]:
    """Copy a `.safetensors` file or a diffusers folder to its place and return its kind and new path.

    Every weight is looked at before: one that is not a number refuses the file. Pickles in a folder stay behind.
    `is_moved` takes the source itself, which must be on the same disk.

    The copy appears under its name only when it is complete. A file of that name that is already there is
    replaced only if it is the same size (a repeated call); another one is an error.

    Raises:
        FileNotFoundError: There is no `source`.
        ModelRefused: code `pickle_refused`, `safetensors_invalid`, `model_not_finite`, `model_code_refused`,
            `model_kind_unknown` or `model_exists`.
    """
    if not source.exists():
        raise FileNotFoundError(2, "No such file", str(source))
    kind = _kind(source)
    folder = _folder(kind, folders)
    target = folder / source.name
    if target.exists() and not _same_size(source, target):
        raise ModelRefused(
            f"There is another {kind} called {target.name} already. Rename one of them.", file=target.name
        ).with_code("model_exists")
    for weights in [source] if source.is_file() else sorted(source.rglob(f"*{_SUFFIX}")):
        check_finite(weights)
    folder.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.move(source, target) if is_moved else _copy_whole(source, target)
    return kind, target


def _folder(kind: ModelKind, folders: ModelFolders) -> Path:
    """Where models of a kind go."""
    places: dict[ModelKind, Path | None] = {
        "checkpoint": folders.checkpoints,
        "LoRA": folders.loras,
        "embedding": folders.embeddings,
        "VAE": folders.vaes,
        "upscaler": folders.upscalers,
    }
    return places[kind] or folders.checkpoints.parent / f"{kind.casefold()}s"


def _kind(source: Path) -> ModelKind:
    if source.is_dir():
        if not (source / "model_index.json").is_file():
            raise _unknown(source, "it is a folder without model_index.json")
        code = next((path for path in sorted(source.rglob("*")) if path.suffix.lower() in _CODE), None)
        if code is not None:
            raise ModelRefused(
                f"The folder {source.name} holds code ({code.name}); such folders are not taken.", file=code.name
            ).with_code("model_code_refused")
        return "checkpoint"
    if source.suffix.lower() in PICKLE_SUFFIXES:
        raise ModelRefused(
            f"{source.name} is a pickle, which can run code when opened. Convert it first: "
            f"`spellwright models convert {source.name}`.",
            file=source.name,
        ).with_code("pickle_refused")
    if source.suffix.lower() != _SUFFIX:
        raise _unknown(source, f"its name does not end in {_SUFFIX}")
    return _kind_by_keys(source, read_header(source))


def _kind_by_keys(source: Path, header: SafetensorsHeader) -> ModelKind:
    if any(mark in key or key.endswith(".diff") for key in header.tensors for mark in _LORA_MARKS):
        return "LoRA"
    if any(key.startswith("model.diffusion_model.") for key in header.tensors):
        return "checkpoint"
    keys = tuple(header.tensors)
    if any(key.startswith(_VAE_STARTS) for key in keys):
        return "VAE"
    if any(key.startswith(_UPSCALER_STARTS) for key in keys):
        return "upscaler"
    if {"clip_l", "clip_g"} <= set(keys) or (len(keys) == 1 and len(header.tensors[keys[0]].shape) <= 2):
        return "embedding"
    raise _unknown(source, "its keys are those of no checkpoint, LoRA, embedding, VAE or upscaler")


def _copy_whole(source: Path, target: Path) -> None:
    partial = target.with_name(target.name + ".part")
    try:
        if source.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(source, partial, ignore=shutil.ignore_patterns(*(f"*{s}" for s in PICKLE_SUFFIXES)))
        else:
            shutil.copyfile(source, partial)
        os.replace(partial, target)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True) if partial.is_dir() else partial.unlink(missing_ok=True)
        raise


def _same_size(source: Path, target: Path) -> bool:
    return source.is_file() and target.is_file() and source.stat().st_size == target.stat().st_size


def _unknown(source: Path, reason: str) -> ModelRefused:
    error = ModelRefused(f"{source.name} is not a model this product knows: {reason}.", file=source.name, reason=reason)
    error.with_code("model_kind_unknown")
    return error
