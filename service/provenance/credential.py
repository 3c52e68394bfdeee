"""The certificate that pictures are signed with: the operator's, or one that this installation makes for itself.

A certificate of one's own proves that the bytes are as this installation wrote them, not who runs it: readers
show it as not on the C2PA trust list.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from service.errors import SettingsError
from service.product import PRODUCT

CHAIN_FILE, KEY_FILE = "chain.pem", "key.pem"
YEARS = 10
BACKDATED = timedelta(days=1)  # clocks of readers differ


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate chain, leaf first, and the leaf's ES256 key, both PEM."""

    chain: bytes
    key: bytes


def given_credential(chain: Path, key: Path) -> Credential:
    """The operator's own.

    Raises:
        SettingsError: A file cannot be read, or is no PEM of its kind (ES256 keys only).
    """
    try:
        found = Credential(chain.read_bytes(), key.read_bytes())
        x509.load_pem_x509_certificates(found.chain)
        loaded = serialization.load_pem_private_key(found.key, password=None)
    except (OSError, ValueError, TypeError) as wrong:
        raise SettingsError(
            "The certificate or key for C2PA cannot be read. c2pa_certificate is a PEM chain, leaf first; "
            "c2pa_private_key its PEM key without a password.",
            key="c2pa_certificate",
        ) from wrong
    if not isinstance(loaded, ec.EllipticCurvePrivateKey) or not isinstance(loaded.curve, ec.SECP256R1):
        raise SettingsError("The key for C2PA must be an elliptic-curve key on P-256 (ES256).", key="c2pa_private_key")
    return found


def own_credential(folder: Path, now: datetime | None = None) -> Credential:
    """This installation's own, made at the first call; the key is readable by its owner only.

    Args:
        folder: Where it is kept; made when missing.
        now: Aware; the present moment when `None`.

    Raises:
        SettingsError: The folder cannot be used.
    """
    chain, key = folder / CHAIN_FILE, folder / KEY_FILE
    try:
        if not (chain.is_file() and key.is_file()):
            folder.mkdir(parents=True, exist_ok=True)
            made = _made(now or datetime.now(UTC))
            _write(key, made.key)
            _write(chain, made.chain)
        return Credential(chain.read_bytes(), key.read_bytes())
    except OSError as failed:
        raise SettingsError(
            f"The folder for the signing certificate cannot be used ({failed.strerror}).", key="data_dir"
        ) from failed


def _write(path: Path, data: bytes) -> None:
    """All or nothing, and private from the first byte."""
    part = path.with_suffix(f".{os.getpid()}.part")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    part.replace(path)


def _made(now: datetime) -> Credential:
    """A certificate authority of one's own that signs one leaf and is then forgotten."""
    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, leaf_name = _name("Local root"), _name("Local installation")
    start, end = now - BACKDATED, now + timedelta(days=365 * YEARS)
    authority = (
        _certificate(root_name, root_name, root.public_key(), start, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(is_authority=True), critical=True)
        .sign(root, hashes.SHA256())
    )
    signer = (
        _certificate(leaf_name, root_name, leaf.public_key(), start, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False)
        .sign(root, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key = leaf.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Credential(signer.public_bytes(pem) + authority.public_bytes(pem), key)


def _name(common: str) -> x509.Name:
    attributes = ((NameOID.ORGANIZATION_NAME, PRODUCT), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in attributes])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
