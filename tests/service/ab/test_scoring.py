from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import torch
from PIL import Image

from generator.errors import ModelMissing
from generator.events import Picture
from generator.hands.hand import Box, Hand
from prompts.errors import ClipModelMissing
from service.ab.scoring import Encoder, Looking, ModelScorer, named_in


class HereEngine:
    """Runs device work in place."""

    async def run_on_device(self, work: Callable[[], Any]) -> Any:
        return work()


class TwoWords:
    """Red pictures and the word `red` on one axis, everything else on the other."""

    @property
    def text(self) -> TwoWords:
        return self

    def encode(self, texts: list[str]) -> torch.Tensor:
        return torch.tensor([[1.0, 0.0] if "red" in text else [0.0, 1.0] for text in texts])

    def encode_pictures(self, pictures: list[Image.Image]) -> torch.Tensor:
        return torch.tensor([[1.0, 0.0] if p.getpixel((0, 0)) == (255, 0, 0) else [0.0, 1.0] for p in pictures])


class OneHand:
    """Finds one hand in red pictures."""

    def find(self, picture: Picture) -> tuple[Hand, ...]:
        hand = Hand(Box(0, 0, 4, 4), (), presence=0.8, anatomy=0.5, is_right=True)
        return (hand,) if picture.rgb[:3] == b"\xff\0\0" else ()


def no_encoder() -> Encoder:
    raise ClipModelMissing("There is no encoder here.")


def no_detector() -> OneHand:
    raise ModelMissing("There is no detector here.")


RED, BLUE = Image.new("RGB", (4, 4), (255, 0, 0)), Image.new("RGB", (4, 4), (0, 0, 255))


def scorer(encoder: Any = None, detector: Any = OneHand) -> ModelScorer:
    names = ("red hand", "hand", "sky")
    return ModelScorer(HereEngine(), encoder or (lambda: Encoder("two words", TwoWords(), names)), detector)  # type: ignore[arg-type]


def test_the_prompt_the_name_and_the_hands_are_scored() -> None:
    red, blue = asyncio.run(scorer().scores([RED, BLUE], Looking("a red hand", style="sky")))
    assert red == {"prompt": 1.0, "style": 0.0, "name": 1.0, "hands found": 1.0, "hand score": 0.4}
    assert blue == {"prompt": 0.0, "style": 1.0, "name": 0.0, "hands found": 0.0, "hand score": 0.0}


def test_likeness_is_the_cosine_of_each_pair() -> None:
    assert asyncio.run(scorer().likeness([RED, RED], [RED, BLUE])) == [1.0, 0.0]


def test_missing_models_leave_their_measures_out_and_are_named_once() -> None:
    poor = scorer(no_encoder, no_detector)
    assert asyncio.run(poor.scores([RED], Looking("a red hand"))) == [{}]
    assert asyncio.run(poor.likeness([RED], [RED])) == []
    assert sorted(poor.notices) == ["Hands were not scored. There is no detector here.", "There is no encoder here."]


def test_the_longest_name_in_the_prompt_is_the_true_one() -> None:
    assert named_in("a Raised Hand on blue", ["hand", "raised hand", "blue"]) == "raised hand"
    assert named_in("handsome", ["hand"]) is None
