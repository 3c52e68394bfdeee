"""Where the training keeps its files, and how large a run it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything; `SMOKE` is the same at a size for tests."""

    concepts: int
    pictures: int
    """Composed pictures of the drawing style, at the base size."""
    hires_pictures: int
    extra_pictures: int
    """Composed pictures of each further style."""
    common_merges: int
    """Size of the tokenizer's frequent part."""
    batch: int
    seed: int = 20240607
    base_size: int = 128
    hires_size: int = 256


TIER_A = Plan(concepts=60, pictures=15_000, hires_pictures=1_500, extra_pictures=3_000, common_merges=6000, batch=32)
SMOKE = Plan(concepts=6, pictures=96, hires_pictures=24, extra_pictures=24, common_merges=500, batch=8)


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder of one training, outside the repository so that a later session can resume."""

    root: Path
    plan: Plan
    warm: Path | None = None
    """The folder of an earlier training to start from; `None` starts from nothing."""

    def start_of(self, stage: str) -> Path | None:
        """The earlier training's checkpoint of a stage, where there is one."""
        file = self.warm / "checkpoints" / f"{stage}.pt" if self.warm else None
        return file if file is not None and file.is_file() else None

    @property
    def downloads(self) -> Path:
        """Picture packages; shared by all trainings beside this one."""
        return self.root.parent / "downloads"

    @property
    def tokenizer(self) -> Path:
        """The cut vocabulary in CLIPTokenizer's files."""
        return self.root / "tokenizer"

    @property
    def sheets(self) -> Path:
        """Contact sheets, for the eyes."""
        return self.root / "sheets"

    def pictures(self, name: str) -> Path:
        """Folder of the composed picture set `name`."""
        return self.root / "pictures" / name

    def checkpoint(self, stage: str) -> Path:
        """The resumable state of one training stage."""
        return self.root / "checkpoints" / f"{stage}.pt"
