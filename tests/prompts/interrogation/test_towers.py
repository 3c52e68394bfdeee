"""Models from disk: what must be there, what is said when it is not, and the right activation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from prompts.errors import ClipModelMissing, InterrogationError
from prompts.interrogation.text_tower import CausalTextTower
from prompts.interrogation.towers import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    ClipTowers,
    needs_quick_gelu,
    random_towers,
    towers_from_folder,
    towers_from_weights,
)

Save = Callable[[Any, Path], Path]


def test_a_folder_gives_the_features_of_the_model_saved_in_it(
    tiny_model: Any, tiny_towers: ClipTowers, model_folder: Save, photo: Callable[[int], Image.Image], tmp_path: Path
) -> None:
    opened = towers_from_folder(model_folder(tiny_model, tmp_path / "tiny-clip"))
    pictures = [photo(1), photo(2)]
    assert opened.name == "tiny-clip"
    assert isinstance(opened.text, CausalTextTower)
    assert opened.text_digest == tiny_towers.text_digest
    assert torch.allclose(opened.encode_pictures(pictures), tiny_towers.encode_pictures(pictures), atol=1e-6)
    assert torch.allclose(opened.text.encode(["a cat"]), tiny_towers.text.encode(["a cat"]), atol=1e-6)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_half_precision_as_on_a_gpu_gives_nearly_the_same_features(
    precision: str,
    tiny_model: Any,
    tiny_towers: ClipTowers,
    model_folder: Save,
    photo: Callable[[int], Image.Image],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("prompts.interrogation.towers._precision", lambda device: precision)
    half = towers_from_folder(model_folder(tiny_model, tmp_path / "m"))
    pictures, texts = [photo(1), photo(2)], ["a cat", "by Ada Painter, trending on pixiv", "café"]
    least = 0.999 if precision == "fp16" else 0.98
    assert (half.encode_pictures(pictures) * tiny_towers.encode_pictures(pictures)).sum(-1).min() > least
    for ours, full in (
        (half.text.encode(texts), tiny_towers.text.encode(texts)),
        (half.text.encode_continuations("a photo", texts), tiny_towers.text.encode_continuations("a photo", texts)),
        (half.text.encode_growth(texts), tiny_towers.text.encode_growth(texts)),
    ):
        assert ours.dtype == torch.float32
        assert (ours * full).sum(-1).min() > least


def test_a_batch_of_pictures_equals_each_alone(tiny_towers: ClipTowers, photo: Callable[[int], Image.Image]) -> None:
    pictures = [photo(n) for n in range(5)]
    alone = torch.cat([tiny_towers.encode_pictures([p]) for p in pictures])
    assert torch.allclose(tiny_towers.encode_pictures(pictures), alone, atol=1e-6)


@pytest.mark.parametrize("missing", [CONFIG_FILE, WEIGHTS_FILE])
def test_a_missing_file_is_named_with_its_folder_and_the_command(
    missing: str, tiny_model: Any, model_folder: Save, tmp_path: Path
) -> None:
    folder = model_folder(tiny_model, tmp_path / "clip-vit-l-14")
    (folder / missing).unlink()
    with pytest.raises(ClipModelMissing) as said:
        towers_from_folder(folder)
    for word in (missing, "'clip-vit-l-14'", "spellwright models fetch clip-vit-l-14"):
        assert word in said.value.detail
    assert str(tmp_path) not in said.value.detail


@pytest.mark.parametrize(
    "config",
    [
        "no json",
        "[]",
        "{}",
        '{"model_cfg": {"embed_dim": 24}}',
        '{"model_cfg": {"embed_dim": 24, "vision_cfg": {}, "text_cfg": {"hf_model_name": "org/model"}}}',
        '{"model_cfg": {"embed_dim": 99, "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 8},'
        ' "text_cfg": {}}}',
    ],
)
def test_a_config_that_does_not_fit_is_an_error_without_a_download(
    config: str, tiny_model: Any, model_folder: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model_folder(tiny_model, tmp_path / "m")
    (folder / CONFIG_FILE).write_text(config)
    monkeypatch.setattr("socket.socket.connect", _no_network)
    with pytest.raises(InterrogationError) as said:
        towers_from_folder(folder)
    assert str(tmp_path) not in said.value.detail


def _no_network(*args: object) -> None:
    raise AssertionError("a socket was opened")


def test_torn_weights_are_an_error(tiny_model: Any, model_folder: Save, tmp_path: Path) -> None:
    folder = model_folder(tiny_model, tmp_path / "m")
    weights = folder / WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(InterrogationError, match="cannot be loaded"):
        towers_from_folder(folder)


def test_pickled_weights_beside_the_safetensors_are_never_read(
    tiny_model: Any, model_folder: Save, tmp_path: Path
) -> None:
    folder = model_folder(tiny_model, tmp_path / "m")
    (folder / "open_clip_pytorch_model.bin").write_bytes(b"not a pickle")
    towers_from_folder(folder)
    (folder / WEIGHTS_FILE).unlink()
    with pytest.raises(ClipModelMissing):
        towers_from_folder(folder)


def activations(model: Any) -> set[str]:
    return {
        type(block.mlp.gelu).__name__ for block in (*model.transformer.resblocks, *model.visual.transformer.resblocks)
    }


def test_quickgelu_is_taken_from_the_config_or_forced(tiny_model: Any, model_folder: Save, tmp_path: Path) -> None:
    folder = model_folder(tiny_model, tmp_path / "m")
    assert activations(towers_from_folder(folder).model) == {"QuickGELU"}
    config = json.loads((folder / CONFIG_FILE).read_text())
    del config["model_cfg"]["quick_gelu"]
    (folder / CONFIG_FILE).write_text(json.dumps(config))
    plain = towers_from_folder(folder)
    forced = towers_from_folder(folder, force_quick_gelu=True)
    assert activations(plain.model) == {"GELU"}
    assert activations(forced.model) == {"QuickGELU"}
    assert plain.text_digest != forced.text_digest


@pytest.mark.parametrize(
    ("name", "tag", "quick"),
    [
        ("ViT-L-14", "openai", True),
        ("ViT-B-32", "openai", True),
        ("ViT-L-14", "laion2b_s32b_b82k", False),
        ("ViT-H-14", "laion2b_s32b_b79k", False),
        ("ViT-H-14-quickgelu", "dfn5b", True),
        ("ViT-B-32", "my own", False),
        ("ViT-B-32-quickgelu", "my own", True),
    ],
)
def test_the_activation_follows_the_tag_of_the_weights(name: str, tag: str, quick: bool) -> None:
    assert needs_quick_gelu(name, tag) is quick


@pytest.mark.parametrize(
    ("name", "shown", "expected"),
    [
        ("ViT-L-14-openai", "ViT-L-14/openai", "QuickGELU"),
        ("vit-h-14-LAION2B_s32b_b79k", "ViT-H-14/laion2b_s32b_b79k", "GELU"),
        ("my-openai", "my-openai", "GELU"),
    ],
)
def test_a_folder_named_like_known_weights_gets_their_activation(
    name: str, shown: str, expected: str, tiny_model: Any, model_folder: Save, tmp_path: Path
) -> None:
    folder = model_folder(tiny_model, tmp_path / name)
    config = json.loads((folder / CONFIG_FILE).read_text())
    del config["model_cfg"]["quick_gelu"]
    (folder / CONFIG_FILE).write_text(json.dumps(config))
    opened = towers_from_folder(folder)
    assert (opened.name, activations(opened.model)) == (shown, {expected})


def test_a_weights_file_is_opened_by_architecture_and_tag(tiny_model: Any, model_folder: Save, tmp_path: Path) -> None:
    import open_clip

    folder = model_folder(tiny_model, tmp_path / "m")
    architecture = json.loads((folder / CONFIG_FILE).read_text())["model_cfg"]
    (tmp_path / "tiny-of-this-test.json").write_text(json.dumps(architecture))
    open_clip.add_model_config(tmp_path / "tiny-of-this-test.json")
    opened = towers_from_weights("tiny-of-this-test", "mine", folder / WEIGHTS_FILE)
    assert opened.name == "tiny-of-this-test/mine"
    assert activations(opened.model) == {"QuickGELU"}
    with pytest.raises(InterrogationError, match="does not hold a ViT-B-32"):
        towers_from_weights("ViT-B-32", "openai", folder / WEIGHTS_FILE)


def test_a_missing_weights_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClipModelMissing, match=r"ViT-L-14/openai.*w\.safetensors.*models fetch"):
        towers_from_weights("ViT-L-14", "openai", tmp_path / "w.safetensors")


def test_an_unknown_architecture_is_an_error() -> None:
    with pytest.raises(InterrogationError, match="ViT-Z-99"):
        random_towers("ViT-Z-99")


def test_a_tokenizer_folder_is_used(tiny_model: Any, model_folder: Save, tmp_path: Path) -> None:
    from open_clip.tokenizer import SimpleTokenizer

    folder = model_folder(tiny_model, tmp_path / "m")
    (folder / "tokenizer").mkdir()
    names = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    simple = SimpleTokenizer()
    vocab = {names.get(piece, piece): index for piece, index in simple.encoder.items()}
    (folder / "tokenizer" / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    merges = sorted(simple.bpe_ranks, key=lambda pair: simple.bpe_ranks[pair])
    (folder / "tokenizer" / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(m) for m in merges))
    own = towers_from_folder(folder)
    texts = ["a cat, trending on pixiv", "café", ""]
    assert torch.equal(own.tokenizer(texts), simple(texts))
    assert isinstance(own.text, CausalTextTower)
