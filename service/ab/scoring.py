"""Scores of finished pictures: how well a dual encoder finds the prompt in them, and how right their hands look."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image

from generator.errors import ModelMissing
from generator.events import Picture
from generator.hands import HandDetector
from generator.hands.hand import hands_score
from prompts.errors import ClipModelMissing
from service.engine.base import EngineClient

Scores = dict[str, float]
"""Measure -> value of one picture. `prompt` and `style` are cosines; `name` is 1 when the encoder names the thing."""


@dataclass(frozen=True, slots=True)
class Looking:
    """What to look for."""

    prompt: str
    """The words that both sides share, without syntax."""
    style: str | None = None
    """A style to look for beside it."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """A dual encoder and the names it can tell apart."""

    name: str
    towers: Any
    """A `prompts.interrogation.towers.ClipTowers`."""
    names: tuple[str, ...] = ()
    """Things of a closed list; empty for an encoder of everything."""


class PictureScorer(Protocol):
    """Scores pictures."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What the reader of the scores must know, once something was scored."""
        ...

    async def scores(self, pictures: Sequence[Image.Image], looking: Looking) -> list[Scores]:
        """One table for each picture; measures that cannot be taken here are left out."""
        ...

    async def likeness(self, one: Sequence[Image.Image], other: Sequence[Image.Image]) -> list[float]:
        """Cosine of each pair; empty without an encoder."""
        ...


class ModelScorer:
    """Scores with the models of this machine; works with whichever are there.

    Args:
        engine: Lends its thread to the encoder.
        open_encoder: Called there once; may raise `ClipModelMissing`.
        open_detector: Called once in a worker thread; may raise `ModelMissing`.
    """

    def __init__(
        self, engine: EngineClient, open_encoder: Callable[[], Encoder], open_detector: Callable[[], HandDetector]
    ) -> None:
        self._engine = engine
        self._open_encoder = open_encoder
        self._open_detector = open_detector
        self._encoder: Encoder | None = None
        self._detector: HandDetector | None = None
        self._missing: dict[str, str] = {}

    @property
    def notices(self) -> tuple[str, ...]:
        """Which models scored, and which were missing."""
        used = [] if self._encoder is None else [f"Scored by the dual encoder {self._encoder.name}."]
        return (*used, *self._missing.values())

    async def scores(self, pictures: Sequence[Image.Image], looking: Looking) -> list[Scores]:
        """See `PictureScorer.scores`."""
        tables = await self._engine.run_on_device(lambda: self._encoded(pictures, looking))
        hands = await asyncio.to_thread(self._hands, pictures)
        return [table | hand for table, hand in zip(tables, hands, strict=True)]

    async def likeness(self, one: Sequence[Image.Image], other: Sequence[Image.Image]) -> list[float]:
        """See `PictureScorer.likeness`."""

        def work() -> list[float]:
            encoder = self._ready_encoder()
            if encoder is None:
                return []
            first, second = encoder.towers.encode_pictures(one), encoder.towers.encode_pictures(other)
            return [float(value) for value in (first * second).sum(-1)]

        return await self._engine.run_on_device(work)

    def _encoded(self, pictures: Sequence[Image.Image], looking: Looking) -> list[Scores]:
        encoder = self._ready_encoder()
        if encoder is None:
            return [{} for _ in pictures]
        seen = encoder.towers.encode_pictures(pictures)
        texts = {"prompt": looking.prompt} | ({"style": looking.style} if looking.style else {})
        cosines = (seen @ encoder.towers.text.encode(list(texts.values())).T).tolist()
        tables: list[Scores] = [dict(zip(texts, row, strict=True)) for row in cosines]
        true = named_in(looking.prompt, encoder.names)
        if true is not None:
            best = (seen @ encoder.towers.text.encode(list(encoder.names)).T).argmax(-1).tolist()
            tables = [t | {"name": float(encoder.names[i] == true)} for t, i in zip(tables, best, strict=True)]
        return tables

    def _hands(self, pictures: Sequence[Image.Image]) -> list[Scores]:
        if self._detector is None and "hands" not in self._missing:
            try:
                self._detector = self._open_detector()
            except ModelMissing as missing:
                self._missing["hands"] = f"Hands were not scored. {missing.detail}"
        detector = self._detector
        if detector is None:
            return [{} for _ in pictures]
        found = [detector.find(Picture(p.width, p.height, p.convert("RGB").tobytes())) for p in pictures]
        return [{"hands found": float(len(hands)), "hand score": hands_score(hands)} for hands in found]

    def _ready_encoder(self) -> Encoder | None:
        if self._encoder is None and "encoder" not in self._missing:
            try:
                self._encoder = self._open_encoder()
            except ClipModelMissing as missing:
                self._missing["encoder"] = missing.detail
        return self._encoder


def named_in(prompt: str, names: Sequence[str]) -> str | None:
    """The longest of `names` that `prompt` speaks of; `None` when it names none."""
    text = prompt.casefold()
    held = [name for name in names if re.search(rf"\b{re.escape(name.casefold())}\b", text)]
    return max(held, key=len, default=None)
