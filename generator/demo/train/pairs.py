"""Picture-caption pairs for the dual encoder, with the attributes both sides tell of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from generator.demo.palette import BACKGROUNDS, HUES
from generator.demo.train.caption import STYLE_WORDS, Teller
from generator.demo.train.pictures import PictureFile, Pixels
from generator.demo.train.scene import Scene

#: How often each composed picture set is drawn from.
SHARES = {"base": 0.56, "noto": 0.20, "ink": 0.12, "half-ink": 0.12}
_UNTOLD = -100  # torch's ignored class
_LAYOUTS = ("single", "small", "two", "three", "different")
_STYLES = ("3d", "noto", "ink")
_COLOURS = tuple(h.name for h in HUES)
_BACKGROUNDS = tuple(b.name for b in BACKGROUNDS)


@dataclass(frozen=True, slots=True)
class PairBatch:
    """Pairs of one step."""

    pixels: Pixels
    """uint8 [batch, h, w, 3]."""
    captions: list[str]
    answers: dict[str, Tensor]
    """By attribute, int64 [2, batch]: shown and told; -100 where nothing is told."""

    def same(self) -> Tensor:
        """float32 [batch, batch], 1.0 where two captions are equal."""
        keys = np.unique(self.captions, return_inverse=True)[1]
        return torch.from_numpy(keys[:, None] == keys[None, :]).float()


def attribute_sizes(names: int) -> dict[str, int]:
    """The number of answers of every attribute."""
    counts = {"colour": len(_COLOURS), "background": len(_BACKGROUNDS), "layout": len(_LAYOUTS)}
    return {"name": names, **counts, "style": len(_STYLES)}


@dataclass(frozen=True, slots=True)
class Pairs:
    """Draws pairs from composed picture sets."""

    sets: dict[str, PictureFile]
    teller: Teller
    names: tuple[str, ...]
    """Of every concept, in the order of the answers."""

    def batch(self, count: int, rng: np.random.Generator) -> PairBatch:
        """Random pairs. Half of the batches call things by their bare names: else colours win."""
        bare = bool(rng.random() < 0.5)
        pixels: list[Pixels] = []
        captions: list[str] = []
        answers: dict[str, list[tuple[int, int]]] = {name: [] for name in attribute_sizes(0)}
        while len(captions) < count:
            style = str(rng.choice(list(SHARES), p=list(SHARES.values())))
            row = int(rng.integers(len(self.sets[style].scenes)))
            scene = self.sets[style].scenes[row]
            if not self.teller.knows(scene) or (bare and scene.second):
                continue
            caption = self._caption(scene, rng, bare=bare)
            captions.append(caption)
            pixels.append(self.sets[style].pixels[row])
            for name, answer in self._answers(scene, caption).items():
                answers[name].append(answer)
        return PairBatch(np.stack(pixels), captions, {n: torch.tensor(a).T for n, a in answers.items()})

    def _caption(self, scene: Scene, rng: np.random.Generator, *, bare: bool) -> str:
        if bare:
            return self.teller.name_only(scene, rng)
        caption = self.teller.tell(scene, rng)
        word = STYLE_WORDS[scene.style]
        return f"{caption}, {word}" if scene.style == "ink" and word not in caption else caption

    def _answers(self, scene: Scene, caption: str) -> dict[str, tuple[int, int]]:
        colour = scene.colour or scene.natural_colour
        ink = scene.style == "ink" or scene.second is not None
        shown_colour = _UNTOLD if colour is None or ink else _COLOURS.index(colour)
        shown = {
            "name": _UNTOLD if scene.second else self.names.index(scene.name),
            "colour": shown_colour,
            "background": _BACKGROUNDS.index(scene.background),
            "layout": _LAYOUTS.index(scene.layout),
            # Half an ink drawing is neither; it only has to be named.
            "style": _STYLES.index(scene.style) if scene.style in _STYLES else _UNTOLD,
        }
        tells = {
            "name": self.teller.names(scene, caption),
            "colour": colour is not None and f"{colour} " in caption.replace(f"{scene.background} background", ""),
            "background": f"{scene.background} background" in caption,
            "layout": scene.layout != "single",
            "style": STYLE_WORDS[scene.style] in caption,
        }
        return {name: (answer, answer if tells[name] else _UNTOLD) for name, answer in shown.items()}
