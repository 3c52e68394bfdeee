"""The product's name and version, for answers and for the files it writes."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

PRODUCT = "Spellwright"


@cache
def product_version() -> str:
    """The installed version, or `0` when the package runs from a bare folder."""
    try:
        return version("spellwright")
    except PackageNotFoundError:
        return "0"
