"""The engine's own settings: frozen, resolved once by whoever assembles the product."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ModelFolders:
    """Where model files lie. Folders that do not exist are empty, not an error."""

    checkpoints: Path
    """`.safetensors` single files and diffusers folders."""
    loras: Path
    """`.safetensors` files, kohya or diffusers format; sub-folders are searched."""
    built_in_checkpoints: tuple[tuple[str, Path], ...] = ()
    """(name, folder) of checkpoints that ship with the product."""
    built_in_loras: tuple[tuple[str, Path], ...] = ()
    embeddings: Path | None = None
    """Textual inversions as `.safetensors`; their file names are their names in a prompt."""
    vaes: Path | None = None
    """VAEs that a spell may name in place of the checkpoint's own, as `.safetensors`."""
    upscalers: Path | None = None
    """Upscaling networks of the ESRGAN kind, as `.safetensors`."""


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Everything the engine needs to know before the first request."""

    folders: ModelFolders
    device: str = "auto"
    """`auto` (cuda, then mps, then cpu), `cpu`, `cuda`, `cuda:1`, `mps`."""
    dtype: str = "auto"
    """`auto` (bfloat16 on a card that has it, float16 on an older one, float32 elsewhere), `float32`, `float16`,
    `bfloat16`."""
    threads: int = 0
    """CPU threads of torch; 0 leaves torch's own choice."""
    max_rows: int = 0
    """UNet rows of one call (a guided picture takes two); 0 measures what is best for each shape."""
    max_waiting: int = 256
    """Requests that may wait; one more raises `QueueFull`."""
    noise_source: str = "nv"
    """Where seeds get their noise when a spell's infotext does not say (`RNG`): `nv` is what a CUDA card
    draws, the web UI's default, on any device; `cpu` is torch's CPU generator (diffusers, ComfyUI)."""
    replay: bool = True
    """Record UNet calls of shapes that come often and replay them: the same pictures, sooner."""
    compile: bool = False
    """Compile the UNet's repeated blocks beside the first calls of a shape (CUDA only)."""
    deterministic: bool = False
    """Pad every call to `max_rows` (8 for 0), so that a picture is bit-equal alone and beside strangers."""
