"""Precomputed training material of the UNet: latents of pictures and text states of their captions."""

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
    """Pairs the UNet learns from; row i of one belongs to row i of the other."""

    latents: Halves
    """float16 [count, 4, h/8, w/8], about unit variance."""
    texts: Halves
    """float16 [count, 77, width], the text tower's last hidden states."""
    names: tuple[str, ...]
    """The thing of every row; of two different things the left one."""

    def batch(
        self, count: int, rng: np.random.Generator, shares: NDArray[np.float64] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Random rows as float32: latents [count, 4, h/8, w/8] and texts [count, 77, width].

        Args:
            count: Size of the batch.
            rng: Source of chance.
            shares: How often each row is drawn, a distribution; evenly for `None`.
        """
        rows = np.sort(rng.choice(len(self.latents), size=count, p=shares))
        return torch.from_numpy(self.latents[rows]).float(), torch.from_numpy(self.texts[rows]).float()


class TextStates:
    """The frozen text tower behind its tokenizer."""

    def __init__(self, workspace: Workspace) -> None:
        self._tokenizer = read_tokenizer(workspace)
        size = len(self._tokenizer)
        self._tower: Any = text_tower(read_dual_encoder(workspace), TRAINED_SHAPE, size)

    def __call__(self, captions: list[str]) -> Tensor:
        """float32 [batch, 77, width]."""
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            states: Tensor = self._tower(tokenise(self._tokenizer, captions)).last_hidden_state
        return states.float()


def prepare(workspace: Workspace, name: str, most: int, shrink: int = 1) -> Material:
    """Up to `most` rows of the composed picture set `name`, of the plan's concepts; computed on the first call.

    Args:
        workspace: Where.
        name: Of the picture set.
        most: Rows at most.
        shrink: The pictures' sides are divided by this first; such material has captions of its own.
    """
    folder = workspace.pictures(name)
    concepts = [c.name for c in read_concepts(workspace.plan.concepts)]
    pictures = open_pictures(folder)
    rows = pictures.rows_of(concepts)[:most]
    tag = f"{len(concepts)}-{len(rows)}-{shrink}"
    latents, texts = folder / f"latents-{tag}.npy", folder / f"texts-{tag}.npy"
    scenes = [pictures.scenes[row] for row in rows]
    if not latents.is_file():
        _write_latents(workspace, pictures.pixels, rows, shrink, latents)
    if not texts.is_file():
        _write_texts(workspace, scenes, shrink, texts)
    return Material(np.load(latents), np.load(texts, mmap_mode="r"), tuple(s.name for s in scenes))


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


def _write_texts(workspace: Workspace, scenes: list[Scene], shrink: int, file: Path) -> None:
    teller, states = make_teller(workspace), TextStates(workspace)
    rng = np.random.default_rng((workspace.plan.seed, len(scenes), shrink))
    captions = [teller.tell(scene, rng) for scene in scenes]
    parts = [states(captions[i : i + _PART]).half().numpy() for i in range(0, len(captions), _PART)]
    _save(file, np.concatenate(parts))


def _save(file: Path, rows: Halves) -> None:
    partial = file.with_suffix(".partial.npy")
    np.save(partial, rows)
    partial.replace(file)
