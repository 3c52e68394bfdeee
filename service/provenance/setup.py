"""The operator's settings as a seal."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from service.errors import SettingsError
from service.provenance.seal import NoSeal, Seal
from service.settings import Settings

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
    from service.provenance.c2pa_seal import C2paSeal  # noqa: PLC0415 (an optional package)
    from service.provenance.credential import given_credential, own_credential  # noqa: PLC0415

    if given is not None:
        credential = given_credential(*given)
        return C2paSeal(lambda: credential)
    folder = settings.data_dir / FOLDER
    return C2paSeal(lambda: own_credential(folder))


def _given(settings: Settings) -> tuple[Path, Path] | None:
    chain, key = settings.c2pa_certificate, settings.c2pa_private_key
    if chain is None and key is None:
        return None
    if chain is None or key is None:
        raise SettingsError("Set both c2pa_certificate and c2pa_private_key, or neither.", key="c2pa_certificate")
    return chain, key
