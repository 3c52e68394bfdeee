"""Every stage of the training, seconds each."""

import json
import time
from pathlib import Path

import platformdirs
import pytest
import torch

from generator.demo.family import read_family
from generator.demo.train.__main__ import main
from generator.demo.train.sources import SourceUnavailable

_LIMIT = 180.0  # seconds of an idle machine

pytestmark = [
    pytest.mark.soak,
    # diffusers' solver hands numpy a tensor in a way numpy 2 frowns upon.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def _stage(folder: Path, *arguments: str) -> None:
    try:
        assert main([*arguments, "--smoke", "--folder", str(folder), "--threads", "2"]) == 0
    except SourceUnavailable as absent:
        pytest.skip(str(absent))


def _workplace(folder: Path) -> Path:
    """A folder with the picture packages of this machine, where it has them; else npm fetches them."""
    folder.mkdir()
    packages = platformdirs.user_cache_path("spellwright") / "train" / "downloads"
    if packages.is_dir():
        (folder / "downloads").symlink_to(packages.resolve())
    return folder


def test_all_stages_run_within_three_minutes_and_go_on_from_an_earlier_training(tmp_path: Path) -> None:
    first = _workplace(tmp_path / "first")
    spent = time.process_time()
    _stage(first, "all")
    assert time.process_time() - spent < 2 * _LIMIT  # two cores
    family = read_family(first / "smoke" / "family")
    assert family.kind == "trained"
    assert {"heart", "animal", "background"} <= family.vocabulary
    assert "## Measured" in (first / "smoke" / "CARD.md").read_text(encoding="utf-8")

    second = _workplace(tmp_path / "second")
    for stage in ("data", "clip"):
        _stage(second, stage, "--warm", str(first / "smoke"))
    vectors = [_token_vectors(folder / "smoke") for folder in (first, second)]
    apart, size = (vectors[0] - vectors[1]).norm(), vectors[0].norm()
    assert apart < 0.5 * size
    assert json.loads((second / "smoke" / "tokenizer" / "vocab.json").read_text(encoding="utf-8"))["heart</w>"] > 0


def _token_vectors(workspace: Path) -> torch.Tensor:
    state = torch.load(workspace / "checkpoints" / "clip.pt", weights_only=True)
    vectors: torch.Tensor = state["average"]["model.token_embedding.weight"]
    return vectors
