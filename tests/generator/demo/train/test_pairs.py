"""The dual encoder is told only what picture and caption really say."""

from pathlib import Path

import numpy as np
from PIL import Image

from generator.demo.concepts import Concept
from generator.demo.train.caption import Teller
from generator.demo.train.pairs import SHARES, Pairs, attribute_sizes
from generator.demo.train.pictures import Composition, compose_pictures, open_pictures
from generator.demo.train.sprites import Sprite


def _pairs(folder: Path) -> Pairs:
    sprites = {"heart": Sprite("heart", Image.new("RGBA", (16, 16), (214, 20, 20, 255)), 0.0)}
    for style in SHARES:
        what = Composition("3d" if style == "base" else style, 30, 16)
        compose_pictures(folder / style, sprites, what, np.random.default_rng(0))
    teller = Teller({"heart": Concept("2764", "heart", ())}, ("8k",), names_style=True)
    return Pairs({s: open_pictures(folder / s) for s in SHARES}, teller, ("heart",))


def test_answers_stay_within_their_heads_and_follow_the_caption(tmp_path: Path) -> None:
    pairs = _pairs(tmp_path)
    rng = np.random.default_rng(0)
    for _ in range(8):
        batch = pairs.batch(12, rng)
        for name, size in attribute_sizes(1).items():
            assert batch.answers[name].shape == (2, 12)
            assert int(batch.answers[name].max()) < size
        for caption, told in zip(batch.captions, batch.answers["background"][1].tolist(), strict=True):
            assert (told >= 0) == ("background" in caption)


def test_equal_captions_are_each_others_match(tmp_path: Path) -> None:
    batch = _pairs(tmp_path).batch(12, np.random.default_rng(2))
    same = batch.same()
    assert (same.diagonal() == 1).all()
    for i, a in enumerate(batch.captions):
        assert [bool(x) for x in same[i]] == [a == b for b in batch.captions]
