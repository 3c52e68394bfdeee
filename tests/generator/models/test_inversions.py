from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from generator.config import EngineConfig, ModelFolders
from generator.demo.family import DemoFamily
from generator.device import Compute
from generator.engine import Engine
from generator.errors import ModelRefused
from generator.events import ImageReady
from generator.models.catalogue import Catalogue, ModelEntry
from generator.models.checkpoint import Checkpoint, build_checkpoint
from generator.models.diffusers_folder import read_folder
from generator.models.inversion_names import InversionNames
from generator.models.inversions import Inversions, read_inversion
from generator.request import GenerationRequest
from generator.sampling.conditioning import Conditioner, PassPrompts

Draw = Callable[[Engine, GenerationRequest], ImageReady]


def vectors(count: int, width: int, seed: int = 0) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed)) * 0.1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "embeddings"
    found.mkdir()
    return found


@pytest.fixture
def shelf(folder: Path, tmp_path: Path) -> Catalogue:
    return Catalogue(ModelFolders(tmp_path / "none", tmp_path / "none", embeddings=folder))


def context(checkpoint: Checkpoint, shelf: Catalogue, prompt: str) -> Tensor:
    inversions = Inversions(checkpoint, shelf)
    inversions.refresh()
    return Conditioner(checkpoint, inversions).encode_pass(PassPrompts(prompt, "", 4), 1, ()).positive[0].at(0)


def test_a_name_stands_for_its_vectors_as_if_they_were_words(
    tiny_checkpoint: Checkpoint, shelf: Catalogue, folder: Path
) -> None:
    """The vectors of ordinary words, under a name, encode to what the words encode to."""
    ids = tiny_checkpoint.tokenize("red cat")
    table: Any = tiny_checkpoint.towers[0].encoder.embeddings
    words = table.token_embedding.weight[ids].detach().clone()
    save_file({"emb_params": words}, folder / "my-style.safetensors")
    spoken = context(tiny_checkpoint, shelf, "a red cat, heart")
    for prompt in ("a my-style, heart", "a MY-STYLE, heart"):
        assert torch.allclose(context(tiny_checkpoint, shelf, prompt), spoken, atol=1e-6)
    weighed = context(tiny_checkpoint, shelf, "a (my-style:1.3), heart")
    assert torch.allclose(weighed, context(tiny_checkpoint, shelf, "a (red cat:1.3), heart"), atol=1e-5)


@pytest.mark.parametrize("key", ["emb_params", "<my-style>", "string_to_param.*"])
def test_every_layout_of_one_tensor_is_read(folder: Path, shelf: Catalogue, key: str) -> None:
    save_file({key: vectors(3, 8)}, folder / "x.safetensors")
    (entry,) = shelf.refreshed_embeddings()
    assert read_inversion(entry, [8]).count == 3


def test_a_single_vector_without_rows_is_read(folder: Path, shelf: Catalogue) -> None:
    save_file({"emb_params": vectors(1, 8)[0]}, folder / "x.safetensors")
    assert read_inversion(shelf.refreshed_embeddings()[0], [8]).count == 1


@pytest.mark.parametrize(
    "tensors",
    [
        {"a": vectors(1, 8), "b": vectors(1, 8)},
        {"emb_params": vectors(1, 9)},
        {"emb_params": torch.zeros(1, 1, 8)},
        {"emb_params": vectors(76, 8)},
    ],
)
def test_what_is_no_embedding_is_refused(folder: Path, shelf: Catalogue, tensors: dict[str, Tensor]) -> None:
    save_file(tensors, folder / "x.safetensors")
    with pytest.raises(ModelRefused) as refused:
        read_inversion(shelf.refreshed_embeddings()[0], [8])
    assert refused.value.stable_code == "embedding_invalid"


def test_the_vectors_of_one_embedding_stay_in_one_chunk(
    tiny_checkpoint: Checkpoint, shelf: Catalogue, folder: Path
) -> None:
    save_file({"emb_params": vectors(10, tiny_checkpoint.towers[0].width)}, folder / "wide.safetensors")
    inversions = Inversions(tiny_checkpoint, shelf)
    inversions.refresh()
    from prompts.language.chunks import chunk

    cut = chunk("cat " * 70 + "wide", inversions.tokenize, -1, length=inversions.length)
    assert [len(c.tokens) for c in cut] == [70, 10]


def test_the_longest_name_that_fits_goes_first() -> None:
    entries = [ModelEntry(n, Path(f"{n}.safetensors"), "file") for n in ("bad", "bad hand")]
    names = InversionNames(entries, lambda text: [sum(map(ord, word)) for word in text.split()])
    found = [(n.start, n.length, n.entry.name) for n in names.find([1, *map(_word, ("bad", "hand", "bad", "cat"))])]
    assert found == [(1, 2, "bad hand"), (3, 1, "bad")]


def _word(text: str) -> int:
    return sum(map(ord, text))


def test_an_embedding_of_another_base_is_read_as_words_and_told(
    tiny_checkpoint: Checkpoint, shelf: Catalogue, folder: Path
) -> None:
    before = context(tiny_checkpoint, shelf, "a heart")
    save_file({"clip_l": vectors(1, 768), "clip_g": vectors(1, 1280)}, folder / "heart.safetensors")
    inversions = Inversions(tiny_checkpoint, shelf)
    inversions.refresh()
    assert torch.equal(context(tiny_checkpoint, shelf, "a heart"), before)
    assert "is for sdxl" in inversions.notes("a heart")[0]
    assert inversions.notes("a cat") == ()


def test_an_embedding_added_meanwhile_is_found_and_changes_the_picture_in_both_prompts(
    tiny_family: DemoFamily, tmp_path: Path, folder: Path, ask: Any, draw_one: Draw
) -> None:
    folders = ModelFolders(tmp_path / "c", tmp_path / "l", (("tiny", tiny_family.checkpoint),), embeddings=folder)
    engine = Engine(EngineConfig(folders, device="cpu", threads=1))
    before = [draw_one(engine, ask(prompt="a heart")), draw_one(engine, ask(negative_prompt="heart"))]
    save_file({"emb_params": vectors(2, 64)}, folder / "heart.safetensors")
    after = [draw_one(engine, ask(prompt="a heart")), draw_one(engine, ask(negative_prompt="heart"))]
    assert all(a.picture != b.picture for a, b in zip(after, before, strict=True))
    (folder / "heart.safetensors").unlink()
    again = draw_one(engine, ask(prompt="a heart"))
    assert again.picture == before[0].picture


def test_an_sdxl_embedding_reaches_both_text_encoders(tiny_sdxl_folder: Path, shelf: Catalogue, folder: Path) -> None:
    entry = ModelEntry("xl", tiny_sdxl_folder, "folder", "sdxl")
    xl = build_checkpoint(entry, read_folder(tiny_sdxl_folder), Compute.resolve("cpu", "float32"))
    ids = xl.tokenize("red cat")
    tables: list[Any] = [tower.encoder.embeddings for tower in xl.towers]
    left, right = (t.token_embedding.weight[ids].detach().clone() for t in tables)
    save_file({"clip_l": left, "clip_g": right}, folder / "mine.safetensors")
    assert torch.allclose(context(xl, shelf, "a mine"), context(xl, shelf, "a red cat"), atol=1e-6)
