"""Other open_clip models than ViT-L: their true configs and widths, with fewer layers and random weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from prompts.interrogation.clip_model_interrogator import ClipInterrogator, ClipPaths
from prompts.interrogation.interrogator import MODES
from prompts.interrogation.text_tower import CausalTextTower, PlainTextTower
from prompts.interrogation.towers import towers_from_folder
from prompts.torch_guard import ensure_torchvision

TEXTS = ["a photo of a cat", "misty mountains", "by Ada Painter", "cubism", "a tiny red lamp on a table"]
WORDS = sorted({word for text in TEXTS for word in text.lower().split()} | {"photo", "oil", "painting"})


def save_reduced(name: str, folder: Path, vision: dict[str, Any], text: dict[str, Any]) -> Path:
    """open_clip's own config of `name` with some sizes changed, and random weights, in its local format."""
    ensure_torchvision()
    import open_clip
    from safetensors.torch import save_file

    config = open_clip.get_model_config(name)
    config["vision_cfg"] |= vision
    config["text_cfg"] |= text
    folder.mkdir()
    preprocess = {"mean": [0.5] * 3, "std": [0.5] * 3, "size": 224, "interpolation": "bicubic", "resize_mode": "squash"}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = open_clip.create_model(f"local-dir:{folder}", require_pretrained=False, load_weights=False)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    return folder


def save_word_tokenizer(folder: Path) -> None:
    """A tokenizer in transformers' files whose padding is not 0, as SigLIP's."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {"<unk>": 0, "<pad>": 1, "</s>": 2, **{word: 3 + index for index, word in enumerate(WORDS)}}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)


@pytest.fixture(
    scope="module",
    params=[pytest.param(True, id="small picture tower"), pytest.param(False, id="timm's", marks=pytest.mark.soak)],
)
def siglip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SigLIP's true text config at its width; its picture tower (93 million weights) in the soak alone."""
    folder = tmp_path_factory.mktemp("models") / "siglip"
    small = {"timm_model_name": None, "layers": 1, "width": 64, "head_width": 32, "patch_size": 32}
    save_reduced("ViT-B-16-SigLIP", folder, small if request.param else {}, {"layers": 2, "vocab_size": 64})
    save_word_tokenizer(folder)
    return folder


def test_siglip_is_run_as_open_clip_runs_it(siglip: Path) -> None:
    towers = towers_from_folder(siglip)
    assert isinstance(towers.text, PlainTextTower), "its text tower sees both ways and pools at the last place"
    with torch.inference_mode():
        expected = towers.model.encode_text(towers.tokenizer(TEXTS), normalize=True)
    assert torch.allclose(towers.text.encode(TEXTS), expected, atol=1e-5)
    assert towers.text.max_tokens == 64
    assert [towers.text.length(text) for text in ("cat", "a photo of a cat", "cat " * 80)] == [2, 6, 64]


def test_siglip_serves_every_mode(siglip: Path, tmp_path: Path, photo: Callable[[int], Image.Image]) -> None:
    terms = tmp_path / "terms"
    terms.mkdir()
    (terms / "flavors.txt").write_text("\n".join(TEXTS))
    (terms / "mediums.txt").write_text("photo\noil painting\n")
    clip = ClipInterrogator.from_paths(ClipPaths(siglip, terms, tmp_path / "cache"), "real")
    for mode in MODES:
        found = clip.interrogate(photo(1), mode)
        prompts = found.negative_terms if mode == "negative" else found.terms
        assert found.prompt and [t for t in prompts if t.source == "clip"], mode
        assert found.model == "siglip"


@pytest.mark.soak
def test_vit_h_14_at_true_width_reuses_prefixes_and_gives_its_own_features(tmp_path: Path) -> None:
    folder = save_reduced("ViT-H-14", tmp_path / "ViT-H-14-laion2b_s32b_b79k", {"layers": 1}, {"layers": 2})
    towers = towers_from_folder(folder)
    assert towers.name == "ViT-H-14/laion2b_s32b_b79k"
    assert isinstance(towers.text, CausalTextTower)
    with torch.inference_mode():
        expected = towers.model.encode_text(towers.tokenizer([f"a cat, {t}" for t in TEXTS]), normalize=True)
    assert expected.shape[1] == 1024
    assert torch.allclose(towers.text.encode_continuations("a cat", TEXTS), expected, atol=1e-5)
    assert towers.encode_pictures([Image.new("RGB", (300, 200), "red")]).shape == (1, 1024)
