from __future__ import annotations

import subprocess
import sys

import pytest


def _run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=False)


def test_importing_the_guard_loads_no_torch() -> None:
    done = _run("import prompts.torch_guard, sys; print('torch' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr


@pytest.mark.slow
def test_after_the_guard_transformers_and_open_clip_import() -> None:
    done = _run(
        "from prompts.torch_guard import ensure_torchvision as e; print(e(), e());"
        "import open_clip; from transformers import CLIPTextModel; print('ok')"
    )
    assert done.stdout.split() == ["True", "True", "ok"], done.stderr[-800:]
