"""The parts of a diffusers folder: where each lies, and whether all are there and whole. No torch, no weights read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from generator.errors import ModelMissing, ModelRefused
from generator.models.safetensors_header import read_header

_WEIGHT_NAMES = ("diffusion_pytorch_model", "model")
_WORDS = (("tokenizer.json",), ("vocab.json", "merges.txt"))
"""What a tokenizer's folder holds: one of these sets."""


def text_suffixes(unet_config: dict[str, Any]) -> tuple[str, ...]:
    """The suffixes of the text encoders' folders: SDXL has a second one."""
    return ("", "_2") if unet_config.get("addition_embed_type") == "text_time" else ("",)


def check_folder(folder: Path) -> None:
    """Raise unless every part that is read of the folder is there, and no weights file is cut off.

    Raises:
        ModelMissing: A part of the folder is not there.
        ModelRefused: A part is malformed (code `safetensors_invalid`), or there only as a pickle (`pickle_refused`).
        OSError: A file cannot be read.
    """
    suffixes = text_suffixes(read_config(folder / "unet" / "config.json"))
    texts = tuple(f"text_encoder{suffix}" for suffix in suffixes)
    for part in ("vae", *texts):
        read_config(folder / part / "config.json")
    read_config(folder / "scheduler" / "scheduler_config.json")
    for part in ("unet", "vae", *texts):
        for file in weight_files(folder / part):
            read_header(file)
    for suffix in suffixes:
        check_tokenizer(folder / f"tokenizer{suffix}")


def check_tokenizer(folder: Path) -> None:
    """Raise unless `folder` holds a tokenizer.

    Raises:
        ModelMissing: It does not.
    """
    if not any(all((folder / name).is_file() for name in names) for names in _WORDS):
        raise missing(folder / "vocab.json")


def read_config(path: Path) -> dict[str, Any]:
    """The JSON object in `path`.

    Raises:
        ModelMissing: There is no such file.
        ModelRefused: It holds something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as absent:
        raise missing(path) from absent
    except (OSError, ValueError, RecursionError) as bad:
        raise ModelRefused(f"{path.parent.name}/{path.name} is not readable JSON.") from bad
    if not isinstance(found, dict):
        raise ModelRefused(f"{path.parent.name}/{path.name} is no JSON object.")
    return found


def weight_files(part: Path) -> tuple[Path, ...]:
    """The safetensors of one part: one file, or its shards.

    Raises:
        ModelMissing: There are none, or a shard is not there.
        ModelRefused: The list of shards is malformed, or the weights are there only as a pickle.
    """
    for stem in _WEIGHT_NAMES:
        for suffix in (".safetensors", ".fp16.safetensors"):
            path = part / f"{stem}{suffix}"
            if path.is_file():
                return (path,)
        index = part / f"{stem}.safetensors.index.json"
        if index.is_file():
            return _shards(part, index)
    if any(part.glob("*.bin")):
        refused = ModelRefused(
            f"{part.name} is there only as a pickle (.bin), which can run code when opened; get its safetensors."
        )
        refused.with_code("pickle_refused")
        raise refused
    raise missing(part / f"{_WEIGHT_NAMES[0]}.safetensors")


def folder_stamp(folder: Path) -> tuple[str | int, ...]:
    """Name, size and time of every file in `folder` and one level below: when it is the same, so is the folder.

    Raises:
        OSError: It cannot be read.
    """
    found = sorted(os.scandir(folder), key=lambda entry: entry.name)
    below = [inner for entry in found if entry.is_dir() for inner in sorted(os.scandir(entry), key=lambda e: e.name)]
    stamp: list[str | int] = []
    for entry in (*found, *below):
        if entry.is_file():
            stat = entry.stat()
            stamp += [entry.path, stat.st_size, stat.st_mtime_ns]
    return tuple(stamp)


def missing(path: Path) -> ModelMissing:
    """The error for a part that is not there."""
    return ModelMissing(
        f"The checkpoint folder lacks {path.parent.name}/{path.name}; copy the whole pipeline folder again.",
        file=f"{path.parent.name}/{path.name}",
    )


def _shards(part: Path, index: Path) -> tuple[Path, ...]:
    shards = read_config(index).get("weight_map")
    if not isinstance(shards, dict):
        raise ModelRefused(f"{part.name}/{index.name} names no shards.")
    names = sorted({str(name) for name in shards.values()})
    for name in names:
        if Path(name).name != name or not (part / name).is_file():
            raise missing(part / Path(name).name)
    return tuple(part / name for name in names)
