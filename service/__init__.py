"""The product around the engine: jobs, stores, routes and the page. Importing it imports no torch."""

from importlib.metadata import PackageNotFoundError, version

PRODUCT = "Spellwright"


def product_version() -> str:
    """The installed version, or `0` when the package runs from a bare folder."""
    try:
        return version("spellwright")
    except PackageNotFoundError:
        return "0"
