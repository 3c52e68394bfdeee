"""Pickles are opened in a process of their own, and only for their tensors."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from generator.errors import ModelRefused
from generator.models.convert import convert


class _Canary:
    """Unpickling this writes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (self.marker, "w"))


def test_the_tensors_of_a_ckpt_come_out_as_safetensors(tmp_path: Path) -> None:
    weight = torch.arange(6.0).reshape(2, 3)
    torch.save({"state_dict": {"a.weight": weight, "b.weight": weight.T}, "global_step": 7}, tmp_path / "m.ckpt")
    converted = load_file(convert(tmp_path / "m.ckpt", tmp_path / "m.safetensors"))
    assert set(converted) == {"a.weight", "b.weight"}
    assert torch.equal(converted["a.weight"], weight)


def test_a_pickle_that_runs_code_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    evil = tmp_path / "evil.ckpt"
    evil.write_bytes(pickle.dumps({"state_dict": _Canary(marker)}))
    with pytest.raises(ModelRefused) as caught:
        convert(evil, tmp_path / "evil.safetensors")
    assert caught.value.stable_code == "convert_failed"
    assert not marker.exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["evil.ckpt"]


def test_a_pickle_inside_torchs_own_container_is_refused_too(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    torch.save({"state_dict": _Canary(marker)}, tmp_path / "evil.pt")
    with pytest.raises(ModelRefused):
        convert(tmp_path / "evil.pt", tmp_path / "evil.safetensors")
    assert not marker.exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        convert(tmp_path / "none.ckpt", tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    ("saved", "keys"),
    [
        ({"params_ema": {"conv_first.weight": torch.ones(2, 2)}}, {"conv_first.weight"}),
        ({"params": {"conv_first.weight": torch.ones(2, 2)}}, {"conv_first.weight"}),
        ({"string_to_param": {"*": torch.ones(2, 2)}, "name": "x", "step": 3}, {"emb_params"}),
    ],
)
def test_upscalers_and_embeddings_come_out_as_the_engine_reads_them(
    saved: dict[str, object], keys: set[str], tmp_path: Path
) -> None:
    torch.save(saved, tmp_path / "m.pth")
    assert set(load_file(convert(tmp_path / "m.pth", tmp_path / "m.safetensors"))) == keys
