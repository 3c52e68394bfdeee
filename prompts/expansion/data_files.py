"""The package's own data files, read once and never changed."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def load_toml(*path: str) -> dict[str, Any]:
    """The table in `prompts/<path>`; callers must not change it.

    Raises:
        FileNotFoundError: The package was built without its data.
    """
    return tomllib.loads(load_text(*path))


@cache
def load_text(*path: str) -> str:
    """The text in `prompts/<path>`.

    Raises:
        FileNotFoundError: The package was built without its data.
    """
    return files("prompts").joinpath(*path).read_text(encoding="utf-8")
