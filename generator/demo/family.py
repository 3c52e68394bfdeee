"""What the demo family is and where its files lie. Importing this module loads no torch."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

_SHIPPED = Path(__file__).parent / "weights"
MANIFEST = "family.json"
RANDOM_FOLDER = "demo-random-1"


@dataclass(frozen=True, slots=True)
class DemoFamily:
    """A small Stable Diffusion 1.5-shaped family: pipeline, LoRAs and a dual encoder."""

    kind: Literal["random", "trained"]
    """`random` draws noise and exists to run the code paths; `trained` draws its vocabulary."""
    checkpoint: Path
    """Diffusers pipeline folder: model_index.json, unet/, vae/, text_encoder/, tokenizer/, scheduler/."""
    loras: tuple[tuple[str, Path], ...]
    """(name, kohya-format safetensors file)."""
    clip: Path
    """Folder with open_clip_config.json, open_clip_model.safetensors and tokenizer/."""
    labels: Path
    """Folder of term lists for the dual encoder, one .txt per category."""
    base_size: int
    """Side of the pictures it was made for, in pixels."""
    hires_size: int
    """Largest side it draws without doubling the subject, in pixels."""
    notice: str
    """One honest sentence for users."""
    vocabulary: frozenset[str]
    """Words whose meaning it knows, lower case; empty for `random`."""


def find_family(cache_dir: Path) -> DemoFamily:
    """The trained family where its weights are installed, otherwise the random one.

    Args:
        cache_dir: Where the random family is built on the first call (seconds) and found later. Two
            processes may build at once; both get a whole family.
    """
    ready = ready_family(cache_dir)
    if ready is not None:
        return ready
    # torch-lazy: only the builder may load torch.
    builder: Any = importlib.import_module("generator.demo.random_family")
    folder: Path = builder.build_once(cache_dir)
    return read_family(folder)


def ready_family(cache_dir: Path) -> DemoFamily | None:
    """The family that `find_family` would give if nothing has to be built, else `None`; loads no torch."""
    for folder in (_SHIPPED, cache_dir / RANDOM_FOLDER):
        if (folder / MANIFEST).is_file():
            return read_family(folder)
    return None


def read_family(folder: Path) -> DemoFamily:
    """The family stored in `folder`.

    Raises:
        FileNotFoundError: `folder` holds no manifest.
    """
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return DemoFamily(
        kind="trained" if manifest["kind"] == "trained" else "random",
        checkpoint=folder / "checkpoint",
        loras=tuple((name, folder / "loras" / f"{name}.safetensors") for name in manifest["loras"]),
        clip=folder / "clip",
        labels=folder / "labels",
        base_size=int(manifest["base_size"]),
        hires_size=int(manifest["hires_size"]),
        notice=str(manifest["notice"]),
        vocabulary=frozenset(manifest["vocabulary"]),
    )
