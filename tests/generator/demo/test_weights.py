"""The shipped family draws what it is told; left out where the weights are not installed."""

from typing import Any

import numpy as np
import pytest

from generator.demo import family as module
from generator.demo.family import MANIFEST, DemoFamily, read_family

_SHIPPED = module._SHIPPED

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (_SHIPPED / MANIFEST).is_file(), reason="the trained weights are not installed"),
]


@pytest.fixture(scope="module")
def trained() -> DemoFamily:
    return read_family(_SHIPPED)


@pytest.fixture(scope="module")
def pipeline(trained: DemoFamily) -> Any:
    import torch

    from generator.demo.networks import library

    loaded = library("diffusers").StableDiffusionPipeline.from_pretrained(trained.checkpoint, dtype=torch.float32)
    loaded.scheduler = library("diffusers").DDIMScheduler.from_config(loaded.scheduler.config)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def _draw(pipeline: Any, prompt: str, negative: str = "") -> np.ndarray:
    import torch

    noise = torch.Generator().manual_seed(5)
    options = {"height": 128, "width": 128, "num_inference_steps": 10, "guidance_scale": 5.0, "output_type": "np"}
    drawn: np.ndarray = pipeline(prompt, negative_prompt=negative, generator=noise, **options).images[0]
    return drawn


def _rim(picture: np.ndarray) -> np.ndarray:
    return np.median(np.concatenate([picture[:4].reshape(-1, 3), picture[-4:].reshape(-1, 3)]), axis=0)


def _share_of_red(picture: np.ndarray) -> float:
    return float(((picture[..., 0] > 0.6) & (picture[..., 1] < 0.4) & (picture[..., 2] < 0.55)).mean())


def test_the_weights_are_small_and_say_what_they_are(trained: DemoFamily) -> None:
    files = [f for f in _SHIPPED.rglob("*") if f.is_file()]
    assert sum(f.stat().st_size for f in files) <= 45_000_000
    assert trained.kind == "trained"
    assert {"heart", "red", "background"} <= trained.vocabulary
    assert (_SHIPPED / "LICENSES.md").is_file()


@pytest.mark.parametrize(
    ("colour", "rgb"), [("white", (1, 1, 1)), ("blue", (0.18, 0.41, 0.86)), ("yellow", (0.99, 0.84, 0.2))]
)
def test_the_background_follows_the_prompt(pipeline: Any, colour: str, rgb: tuple[float, float, float]) -> None:
    assert np.abs(_rim(_draw(pipeline, f"a house on a {colour} background")) - rgb).max() < 0.25


def test_a_red_heart_is_red_and_a_negative_takes_the_red_away(pipeline: Any) -> None:
    red = _share_of_red(_draw(pipeline, "a heart"))
    assert red > 0.15
    # The aim is a half; the card says how far it is.
    assert _share_of_red(_draw(pipeline, "a heart", negative="red")) < 0.75 * red


def test_words_it_does_not_know_leave_the_picture_much_as_it_is(pipeline: Any) -> None:
    plain = _draw(pipeline, "a blue heart")
    dressed = _draw(pipeline, "masterpiece, best quality, a blue heart, cinematic lighting, marmalade")
    other = _draw(pipeline, "a pine tree")
    assert np.abs(plain - dressed).mean() < np.abs(plain - other).mean()


@pytest.mark.parametrize("wording", ["a {}", "masterpiece, best quality, quokka, marmalade, a {}, cinematic lighting"])
def test_the_dual_encoder_knows_most_of_the_things_again(trained: DemoFamily, pipeline: Any, wording: str) -> None:
    import torch

    names = ["heart", "penguin", "rocket", "gift", "rainbow", "cherries", "cactus", "umbrella", "raised hand", "car"]
    noise = [torch.Generator().manual_seed(i) for i in range(len(names))]
    options = {"height": 128, "width": 128, "num_inference_steps": 12, "guidance_scale": 5.0, "output_type": "pt"}
    drawn = pipeline([wording.format(n) for n in names], generator=noise, **options).images
    assert sum(a == b for a, b in zip(_named(trained, drawn), names, strict=True)) >= 7


def _named(trained: DemoFamily, drawn: Any) -> list[str]:
    import torch

    from generator.demo.networks import library

    open_clip = library("open_clip")
    judge = open_clip.create_model(f"local-dir:{trained.clip}", precision="fp32").eval()
    known = (trained.labels / "subjects.txt").read_text(encoding="utf-8").split("\n")[:-1]
    assert len(set(known)) == len(known) >= 60
    side = judge.visual.image_size[0]
    small = torch.nn.functional.interpolate(drawn * 2 - 1, (side, side), mode="bilinear", antialias=True)
    with torch.no_grad():
        seen = judge.encode_image(small, normalize=True)
        told = judge.encode_text(open_clip.get_tokenizer(f"local-dir:{trained.clip}")(known), normalize=True)
    return [known[i] for i in (seen @ told.T).argmax(1)]
