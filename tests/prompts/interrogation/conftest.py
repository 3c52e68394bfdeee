"""A tiny true open_clip model with fixed random weights, pictures, and short term lists."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from prompts.interrogation.terms import TermList
from prompts.interrogation.towers import ClipTowers, towers_of
from prompts.torch_guard import ensure_torchvision

TINY: dict[str, Any] = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 3},
}


def build_tiny_model(seed: int = 0, *, quick_gelu: bool = True, **text_cfg: object) -> Any:
    """A CLIP with random weights, larger than open_clip draws them so that features spread out."""
    ensure_torchvision()
    import torch
    from open_clip.factory import CLIP

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = CLIP(TINY["embed_dim"], TINY["vision_cfg"], {**TINY["text_cfg"], **text_cfg}, quick_gelu=quick_gelu)
        with torch.no_grad():
            for value in model.parameters():
                if value.ndim > 1:
                    value.mul_(3.0)
    model.visual.preprocess_cfg = {**_preprocess(), "size": 32}
    return model.eval()


def _preprocess() -> dict[str, Any]:
    return {
        "mean": [0.48, 0.46, 0.41],
        "std": [0.27, 0.26, 0.28],
        "interpolation": "bicubic",
        "resize_mode": "shortest",
        "mode": "RGB",
        "fill_color": 0,
    }


def save_tiny_folder(model: Any, folder: Path) -> Path:
    """The model in open_clip's local format."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_cfg": {**TINY, "quick_gelu": True}, "preprocess_cfg": {**_preprocess(), "size": 32}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    return folder


def build_custom_model() -> Any:
    """The same transformer inside open_clip's CustomTextCLIP."""
    ensure_torchvision()
    import torch
    from open_clip.model import CustomTextCLIP

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = CustomTextCLIP(TINY["embed_dim"], TINY["vision_cfg"], TINY["text_cfg"])
    model.visual.preprocess_cfg = {**_preprocess(), "size": 32}
    return model.eval()


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny matrices on shared cores: threads cost more than they bring, and results stay the same everywhere."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def model_of() -> Callable[..., Any]:
    """Builds tiny models: `model_of(seed=0, quick_gelu=True, **text_cfg)`."""
    return build_tiny_model


@pytest.fixture(scope="session")
def custom_model_of() -> Callable[[], Any]:
    return build_custom_model


@pytest.fixture(scope="session")
def model_folder() -> Callable[[Any, Path], Path]:
    """Saves a model: `model_folder(model, folder)`."""
    return save_tiny_folder


@pytest.fixture(scope="session")
def tiny_model() -> Any:
    return build_tiny_model()


@pytest.fixture(scope="session")
def tiny_towers(tiny_model: Any) -> ClipTowers:
    from open_clip.tokenizer import SimpleTokenizer

    return towers_of("tiny/random", tiny_model, SimpleTokenizer(), is_quick=True)


@pytest.fixture(scope="session")
def tiny_lists() -> tuple[TermList, ...]:
    return (
        TermList("artists", ("by Ada Painter", "by Bo Sculptor", "inspired by Ada Painter", "inspired by Bo Sculptor")),
        TermList("flavors", tuple(f"{a} {b}" for a in ADJECTIVES for b in NOUNS)),
        TermList("mediums", ("a photo", "an oil painting", "a pencil sketch")),
        TermList("movements", ("cubism", "art nouveau", "baroque")),
        TermList("trendings", ("trending on pixiv", "featured on flickr")),
        TermList("negative", ("blurry", "bad anatomy", "low quality", "watermark")),
    )


ADJECTIVES = ("red", "blurry", "golden", "tiny", "ancient", "electric", "calm", "café-style")
NOUNS = ("cat", "mountain at dawn", "lamp", "sea", "portrait of a queen", "robot & friend")


@pytest.fixture(scope="session")
def photo() -> Callable[[int], Image.Image]:
    """Makes the n-th of endlessly many different pictures; the same number gives the same picture."""

    def make(number: int) -> Image.Image:
        rng = np.random.default_rng(number)
        ground = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        picture = Image.fromarray(ground).resize((96, 72), Image.Resampling.BICUBIC)
        draw = ImageDraw.Draw(picture)
        for _ in range(6):
            x, y, w, h = (int(v) for v in rng.integers((0, 0, 8, 8), (80, 56, 48, 40)))
            draw.ellipse((x, y, x + w, y + h), fill=tuple(int(c) for c in rng.integers(0, 256, 3)))
        return picture

    return make
