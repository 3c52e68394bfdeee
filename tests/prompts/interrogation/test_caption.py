"""BLIP from a local folder, at tiny random shape: the wiring is real, the words are not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from prompts.errors import ClipModelMissing, InterrogationError
from prompts.interrogation.caption import BlipCaptioner
from prompts.torch_guard import ensure_torchvision

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "[DEC]",
    "[ENC]",
    "a",
    "photo",
    "of",
    "cat",
    "dog",
    "red",
    "blue",
]


@pytest.fixture(scope="module", params=["as on the hub", "as transformers 5 saves it"])
def blip_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BLIP with 14 words in a folder of its own."""
    ensure_torchvision()
    import torch
    from transformers import (
        BertTokenizerFast,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessor,
        BlipProcessor,
    )

    folder = tmp_path_factory.mktemp("blip") / "blip-tiny"
    vocab = tmp_path_factory.mktemp("vocab") / "vocab.txt"
    vocab.write_text("\n".join(WORDS))
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = shape | {
        "vocab_size": len(WORDS),
        "encoder_hidden_size": 16,
        "projection_dim": 8,
        "max_position_embeddings": 64,
        "bos_token_id": 5,
        "eos_token_id": 3,
        "sep_token_id": 3,
        "pad_token_id": 0,
    }
    config = BlipConfig(text_config=text, vision_config=shape | {"image_size": 32, "patch_size": 8}, projection_dim=8)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        model = BlipForConditionalGeneration(config)
    model.save_pretrained(folder)
    processor = BlipProcessor(
        BlipImageProcessor(size={"height": 32, "width": 32}),
        BertTokenizerFast(vocab={word: i for i, word in enumerate(WORDS)}),
    )
    if request.param == "as on the hub":
        processor.image_processor.save_pretrained(folder)
        processor.tokenizer.save_pretrained(folder)
    else:
        processor.save_pretrained(folder)
    return folder


def test_a_local_blip_describes_a_picture_and_repeats_itself(
    blip_folder: Path, photo: Callable[[int], Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.socket.connect", _no_network)
    captioner = BlipCaptioner(blip_folder, max_tokens=6)
    captions = captioner.captions([photo(n) for n in range(3)])
    assert captions == captioner.captions([photo(n) for n in range(3)])
    assert captioner.name == "blip-tiny"
    for caption in captions:
        assert caption == caption.strip()
        assert set(caption.split()) <= set(WORDS)
        assert len(caption.split()) <= 1 + 6, "the start token is a plain word here"


def test_pictures_described_together_get_what_each_gets_alone(
    blip_folder: Path, photo: Callable[[int], Image.Image]
) -> None:
    captioner = BlipCaptioner(blip_folder, max_tokens=6)
    together = captioner.captions([photo(n) for n in range(5)])
    assert together == [captioner.captions([photo(n)])[0] for n in range(5)]
    assert captioner.captions([]) == []


def test_the_words_are_those_of_transformers_own_generation(
    blip_folder: Path, photo: Callable[[int], Image.Image]
) -> None:
    captioner = BlipCaptioner(blip_folder, max_tokens=9)
    pictures = [photo(n) for n in range(4)]
    inputs = captioner.processor(images=pictures, return_tensors="pt")
    tokens = captioner.model.generate(**inputs, max_new_tokens=9)
    expected = [t.strip() for t in captioner.processor.batch_decode(tokens, skip_special_tokens=True)]
    assert captioner.captions(pictures) == expected
    assert len(set(expected)) > 1 or expected[0], "the pictures must be described at all"


def _no_network(*args: object) -> None:
    raise AssertionError("a socket was opened")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named_with_the_command(name: str, blip_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "blip-base"
    copy.mkdir()
    for file in blip_folder.iterdir():
        if file.name != name:
            (copy / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ClipModelMissing, match=f"{name}.*'blip-base'.*spellwright models fetch blip-base"):
        BlipCaptioner(copy)


def test_a_folder_of_another_model_is_an_error(blip_folder: Path, tmp_path: Path) -> None:
    for file in blip_folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "no such model"}))
    (tmp_path / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(InterrogationError, match="cannot be loaded"):
        BlipCaptioner(tmp_path)
