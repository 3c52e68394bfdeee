"""The demo family at work, for `demo_quality.py`: an artist that is the product's own engine, and a judge."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from generator.config import EngineConfig, ModelFolders
from generator.demo.family import DemoFamily
from generator.demo.networks import library
from generator.demo.train.pictures import Pixels
from generator.engine import Engine
from generator.events import Failed, ImageReady
from generator.request import GenerationRequest
from prompts.spell import HiresFix, Lora, Params, Spell

STEPS, GUIDANCE, SIZE = 20, 5.0, 128


class Artist:
    """Draws with the engine, so that prompts, negatives, LoRAs and hires fix go the product's own way."""

    def __init__(self, family: DemoFamily) -> None:
        nowhere = Path(tempfile.gettempdir()) / "spellwright-bench-no-models"
        folders = ModelFolders(nowhere, nowhere, (("demo", family.checkpoint),), family.loras)
        self._engine = Engine(EngineConfig(folders, device="cpu", max_rows=16))
        self._lora = family.loras[0][0]

    def draw(
        self, prompts: list[str], seed: int = 1, negative: str = "", lora: float = 0.0, hires: HiresFix | None = None
    ) -> list[Pixels]:
        """One picture per prompt, uint8 [side, side, 3]; each place has its own noise, the same for any text."""
        params = Params(
            steps=STEPS, sampler="DPM++ 2M", schedule_type="Karras", cfg_scale=GUIDANCE, width=SIZE, height=SIZE,
            checkpoint="demo", hires=hires,
        )  # fmt: skip
        loras = (Lora(self._lora, lora),) if lora else ()
        for i, prompt in enumerate(prompts):
            spell = Spell(prompt, negative, loras, params).evolve(seed=1000 * seed + i)
            self._engine.add(GenerationRequest(str(i), spell))
        drawn: dict[str, Pixels] = {}
        while self._engine.has_work():
            for event in self._engine.step():
                if isinstance(event, Failed):
                    raise event.error
                if isinstance(event, ImageReady):
                    shape = (event.picture.height, event.picture.width, 3)
                    drawn[event.request_id] = np.frombuffer(event.picture.rgb, np.uint8).reshape(shape)
        return [drawn[str(i)] for i in range(len(prompts))]


@dataclass
class Judge:
    """The family's dual encoder, asked which name fits a picture."""

    model: Any
    tokenizer: Any
    names: list[str]

    def scores(self, pictures: list[Pixels], terms: list[str]) -> np.ndarray:
        """Cosines [pictures, terms]."""
        side = self.model.visual.image_size[0]
        rows = []
        for picture in pictures:
            pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 127.5 - 1
            rows.append(functional.interpolate(pixels, (side, side), mode="bilinear", antialias=True))
        with torch.no_grad():
            seen = self.model.encode_image(torch.cat(rows), normalize=True)
            told = self.model.encode_text(self.tokenizer(terms), normalize=True)
        return (seen @ told.T).numpy()

    def hits(self, pictures: list[Pixels], truth: list[str], best: int = 1) -> list[bool]:
        """Whether the true name is among the `best` names of each picture."""
        ranked = self.scores(pictures, self.names).argsort(1)[:, ::-1][:, :best]
        return [self.names.index(name) in row for name, row in zip(truth, ranked, strict=True)]

    def names_of(self, pictures: list[Pixels]) -> list[str]:
        """The best name of each picture."""
        return [self.names[i] for i in self.scores(pictures, self.names).argmax(1)]


def read_judge(family: DemoFamily) -> Judge:
    """The judge of a family."""
    open_clip = library("open_clip")
    model = open_clip.create_model(f"local-dir:{family.clip}", precision="fp32").eval()
    names = (family.labels / "subjects.txt").read_text(encoding="utf-8").splitlines()
    return Judge(model, open_clip.get_tokenizer(f"local-dir:{family.clip}"), [n for n in names if n])


def share(flags: list[bool]) -> float:
    """Percentage of true flags."""
    return round(100 * sum(flags) / max(1, len(flags)), 1)


def half(picture: Pixels, side: str) -> Pixels:
    """The middle square of the left or the right half of a square picture."""
    edge = picture.shape[0] // 2
    x = 0 if side == "left" else edge
    return picture[edge // 2 : edge // 2 + edge, x : x + edge]


def border(picture: Pixels) -> np.ndarray:
    """The median colour of a picture's rim, [3]."""
    rim = np.concatenate([picture[:5].reshape(-1, 3), picture[:, :5].reshape(-1, 3), picture[:, -5:].reshape(-1, 3)])
    return np.median(rim, axis=0)


def hue_of_object(picture: Pixels) -> float | None:
    """The commonest hue, in degrees, of the pixels that are vivid and not background."""
    pixels = picture.reshape(-1, 3).astype(float)
    distance = np.abs(pixels - border(picture)).max(1)
    hsv = np.asarray(Image.fromarray(picture).convert("HSV")).reshape(-1, 3).astype(float)
    vivid = (distance > 40) & (hsv[:, 1] > 80)
    if vivid.sum() < 100:
        return None
    counts, edges = np.histogram(hsv[vivid, 0] * 360 / 255, bins=36, range=(0, 360))
    smooth = counts + np.roll(counts, 1) + np.roll(counts, -1)
    return float(edges[int(smooth.argmax())] + 5)


def red_share(pictures: list[Pixels]) -> float:
    """Percentage of red pixels."""
    pixels = np.stack(pictures).astype(int)
    red = (pixels[..., 0] > 150) & (pixels[..., 1] < 100) & (pixels[..., 2] < 140)
    return round(float(red.mean() * 100), 2)


def sharpness(pictures: list[Pixels]) -> float:
    """Mean difference of vertical neighbours, 0 to 255."""
    return round(float(np.mean([np.abs(np.diff(p.astype(float), axis=0)).mean() for p in pictures])), 2)
