"""Where model files lie, from the settings; no torch."""

from __future__ import annotations

from pathlib import Path

from generator.config import ModelFolders
from service.settings import Settings

Named = tuple[tuple[str, Path], ...]


def folders_of(settings: Settings, checkpoints: Named = (), loras: Named = ()) -> ModelFolders:
    """The operator's folders, with the built-in `checkpoints` and `loras` as (name, path)."""
    return ModelFolders(
        checkpoints=settings.checkpoints_path,
        loras=settings.loras_path,
        built_in_checkpoints=checkpoints,
        built_in_loras=loras,
        embeddings=settings.embeddings_path,
        vaes=settings.vaes_path,
        upscalers=settings.upscalers_path,
    )
