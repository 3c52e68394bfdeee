from __future__ import annotations

import os
from pathlib import Path

from generator.testing import write_pipeline_folder
from service.doctor import examine
from service.testing import quiet_settings


def test_damaged_checkpoints_and_pickles_are_told_apart_with_what_to_do(tmp_path: Path) -> None:
    settings = quiet_settings(tmp_path)
    folder = write_pipeline_folder(settings.checkpoints_path / "half")
    cut = folder / "unet" / "diffusion_pytorch_model.fp16.safetensors"
    os.truncate(cut, 9)
    write_pipeline_folder(settings.checkpoints_path / "whole")
    (settings.checkpoints_path / "old.ckpt").write_bytes(b"\x80\x04")
    checks = {check.name: check for check in examine(settings, probe_llm=False)}
    assert checks["checkpoints"].detail == "whole"
    assert cut.name in checks["damaged files"].detail and "again" in checks["damaged files"].remedy
    assert "old.ckpt" in checks["refused files"].detail and cut.name not in checks["refused files"].detail
