"""The package as others import it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["prompts.expansion", "prompts.hands"])
def test_importing_the_package_loads_neither_the_openai_sdk_nor_torch(package: str) -> None:
    code = f"import {package}, sys; print([m for m in ('openai', 'torch', 'httpx2') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_everything_that_is_promised_is_there() -> None:
    import prompts.expansion
    import prompts.hands

    for package in (prompts.expansion, prompts.hands):
        assert all(hasattr(package, name) for name in package.__all__)
