"""The operator's settings as a seal."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from service.errors import SettingsError
from service.provenance.seal import LateSeal, NoSeal, Seal
from service.settings import Settings

if TYPE_CHECKING:
    from service.provenance.credential import Credential

FOLDER = "provenance"


def seal_of(settings: Settings) -> Seal:
    """What signs the pictures.

    Raises:
        SettingsError: A certificate is given without its key, cannot be read, or the package is missing for it.
    """
    given = _given(settings)
    is_there = find_spec("c2pa") is not None
    if given is not None and not is_there:
        raise SettingsError(
            "c2pa_certificate is set, but the package c2pa-python is not installed. Install spellwright[c2pa].",
            key="c2pa_certificate",
        )
    if settings.c2pa == "off" or not is_there:
        return NoSeal()
    return LateSeal(_maker(settings, given))


def _maker(settings: Settings, given: tuple[Path, Path] | None) -> Callable[[], Seal]:
    """What makes the seal; a certificate of the operator's is read at once, so that a wrong one stops the start."""
    found: Credential | None = None
    if given is not None:
        from service.provenance.credential import given_credential  # noqa: PLC0415 (an optional package)

        found = given_credential(*given)

    def make() -> Seal:
        from service.provenance.c2pa_seal import C2paSeal  # noqa: PLC0415 (an optional package, slow to load)
        from service.provenance.credential import own_credential  # noqa: PLC0415

        return C2paSeal(lambda: found or own_credential(settings.data_dir / FOLDER))

    return make


def _given(settings: Settings) -> tuple[Path, Path] | None:
    chain, key = settings.c2pa_certificate, settings.c2pa_private_key
    if chain is None and key is None:
        return None
    if chain is None or key is None:
        raise SettingsError("Set both c2pa_certificate and c2pa_private_key, or neither.", key="c2pa_certificate")
    return chain, key
