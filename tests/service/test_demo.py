"""`make demo`, as the newcomer runs it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from prompts.metadata import read_spell
from service.demo import STAGES, run_demo
from service.settings import load_settings


def test_the_demo_does_every_stage_with_its_time_and_ends_with_pictures_that_carry_their_spell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    paths = run_demo(tmp_path / "out", 7, load_settings(data_dir=tmp_path / "data"))
    printed = capsys.readouterr().out
    assert re.findall(r"^\[(\d)/", printed, re.M) == [str(n) for n in range(1, STAGES + 1)]
    assert len(re.findall(r"^  \d+\.\d s$", printed, re.M)) == STAGES
    plain, path = paths
    assert str(plain) in printed and str(path) in printed
    with Image.open(plain) as picture:
        assert picture.size == (128, 128)
    spell = read_spell(path.read_bytes())
    assert spell is not None
    assert spell.loras[0].weight == 0.66
    assert (spell.params.sampler, spell.params.schedule_type) == ("DPM++ SDE", "Karras")
    assert spell.params.hires is not None and spell.params.hires.upscaler == "Latent (bicubic antialiased)"
    with Image.open(path) as picture:
        assert picture.size == (256, 256)
