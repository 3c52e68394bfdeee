"""What the product reads at run time travels with an ordinary install, not only with an editable one."""

from __future__ import annotations

import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-data"]


@pytest.mark.parametrize("package", ["prompts", "generator", "service"])
def test_every_file_beside_the_code_is_named_as_package_data(package: str) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", package], cwd=ROOT, capture_output=True, check=False
    ).stdout.decode()
    files = [f for f in listed.split("\0") if f and not f.endswith(".py")]
    patterns = [pattern.removeprefix("**/") for pattern in DATA[package]]
    assert [f for f in files if not any(fnmatch(Path(f).name, p) for p in patterns)] == []


@pytest.mark.parametrize("package", ["prompts", "generator", "service"])
def test_every_folder_with_code_is_a_package(package: str) -> None:
    folders = {p.parent for p in (ROOT / package).rglob("*.py")}
    assert [str(f.relative_to(ROOT)) for f in sorted(folders) if not (f / "__init__.py").is_file()] == []
