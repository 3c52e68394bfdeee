"""Training material of the UNet: precomputed latents of pictures, and fresh captions of what they show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from generator.demo.concepts import read_concepts
from generator.demo.networks import text_tower
from generator.demo.shape import TRAINED_SHAPE
from generator.demo.train.clip import make_teller, read_dual_encoder, read_tokenizer, tokenise
from generator.demo.train.pictures import Pixels, open_pictures
from generator.demo.train.scene import Scene
from generator.demo.train.vae import encode, read_vae
from generator.demo.train.workspace import Workspace

Halves = NDArray[np.float16]
_PART = 64


@dataclass(frozen=True, slots=True)
class Material:
    """What the UNet learns from; row i of one belongs to row i of the other."""

    latents: Halves
    """float16 [count, 4, h/8, w/8], about unit variance."""
    scenes: tuple[Scene, ...]
    """What every row shows."""

    @property
    def names(self) -> tuple[str, ...]:
        """The thing of every row; of two different things the left one."""
        return tuple(scene.name for scene in self.scenes)

    def batch(
        self, count: int, rng: np.random.Generator, shares: NDArray[np.float64] | None = None
    ) -> tuple[Tensor, list[Scene]]:
        """Random rows: latents as float32 [count, 4, h/8, w/8], and what they show.

        Args:
            count: Size of the batch.
            rng: Source of chance.
            shares: How often each row is drawn, a distribution; evenly for `None`.
        """
        rows = np.sort(rng.choice(len(self.latents), size=count, p=shares))
        return torch.from_numpy(self.latents[rows]).float(), [self.scenes[row] for row in rows]


class TextStates:
    """The frozen text tower behind its tokenizer, and the writer of captions before it.

    Captions are written anew for every step: the wordings of a fixed set are soon learnt by heart, and then
    foreign words nobody foresaw spoil the names.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._teller = make_teller(workspace)
        self._tokenizer = read_tokenizer(workspace)
        size = len(self._tokenizer)
        self._tower: Any = text_tower(read_dual_encoder(workspace), TRAINED_SHAPE, size)

    def __call__(self, captions: list[str]) -> Tensor:
        """float32 [batch, 77, width]."""
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            states: Tensor = self._tower(tokenise(self._tokenizer, captions)).last_hidden_state
        return states.float()

    def of_scenes(self, scenes: list[Scene], rng: np.random.Generator) -> Tensor:
        """float32 [batch, 77, width] of new captions."""
        return self([self._teller.tell(scene, rng) for scene in scenes])


def prepare(workspace: Workspace, name: str, most: int, shrink: int = 1) -> Material:
    """Up to `most` rows of the composed picture set `name`, of the plan's concepts; computed on the first call.

    Args:
        workspace: Where.
        name: Of the picture set.
        most: Rows at most.
        shrink: The pictures' sides are divided by this first.
    """
    folder = workspace.pictures(name)
    concepts = [c.name for c in read_concepts(workspace.plan.concepts)]
    pictures = open_pictures(folder)
    rows = pictures.rows_of(concepts)[:most]
    tag = f"{len(concepts)}-{len(rows)}-{shrink}"
    latents = folder / f"latents-{tag}.npy"
    if not latents.is_file():
        _write_latents(workspace, pictures.pixels, rows, shrink, latents)
    return Material(np.load(latents), tuple(pictures.scenes[row] for row in rows))


def _write_latents(workspace: Workspace, pixels: Pixels, rows: list[int], shrink: int, file: Path) -> None:
    vae = read_vae(workspace)
    part = _PART * 128 * 128 // pixels.shape[1] ** 2
    parts = [encode(vae, _shrunk(pixels[rows[i : i + part]], shrink)).half().numpy() for i in range(0, len(rows), part)]
    _save(file, np.concatenate(parts))


def _shrunk(pixels: Pixels, shrink: int) -> Pixels:
    """Means of squares of `shrink` pixels a side."""
    count, height, width, channels = pixels.shape
    squares = pixels.reshape(count, height // shrink, shrink, width // shrink, shrink, channels)
    means: Pixels = squares.mean((2, 4)).round().astype(np.uint8)
    return means


def _save(file: Path, rows: Halves) -> None:
    partial = file.with_suffix(".partial.npy")
    np.save(partial, rows)
    partial.replace(file)
