"""Composed picture sets on disk: one array of pixels, one JSON line per scene."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from generator.demo.train.compose import Painter
from generator.demo.train.scene import Scene, random_scene
from generator.demo.train.sprites import Sprite

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A composed picture set."""

    pixels: Pixels
    """uint8 [count, size, size, 3], mapped from disk."""
    scenes: tuple[Scene, ...]

    def rows_of(self, names: Collection[str]) -> list[int]:
        """The rows that show nothing but things of these names."""
        return [i for i, s in enumerate(self.scenes) if s.name in names and (s.second is None or s.second in names)]


@dataclass(frozen=True, slots=True)
class Composition:
    """What to compose."""

    style: str
    count: int
    size: int
    single: bool = False


def compose_pictures(folder: Path, sprites: dict[str, Sprite], what: Composition, rng: np.random.Generator) -> None:
    """Compose a picture set into `folder`; a set that is already whole there is left alone."""
    if (folder / "scenes.jsonl").is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    shape = (what.count, what.size, what.size, 3)
    pixels = np.lib.format.open_memmap(folder / "pixels.npy", mode="w+", dtype=np.uint8, shape=shape)
    painter = Painter(sprites)
    scenes = []
    for row in range(what.count):
        scene = random_scene(rng, sprites, what.style, single=what.single)
        pixels[row] = painter.draw(scene, what.size, rng)
        scenes.append(json.dumps(scene.to_json()))
    pixels.flush()
    # Last, because it marks the set as whole.
    (folder / "scenes.jsonl").write_text("\n".join(scenes) + "\n", encoding="utf-8")


def open_pictures(folder: Path) -> PictureFile:
    """Open a composed picture set.

    Raises:
        FileNotFoundError: The `data` stage has not made it.
    """
    lines = (folder / "scenes.jsonl").read_text(encoding="utf-8").splitlines()
    pixels: Pixels = np.load(folder / "pixels.npy", mmap_mode="r")
    return PictureFile(pixels, tuple(Scene(**json.loads(line)) for line in lines))
