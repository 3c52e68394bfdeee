"""API keys: 256 random bits behind an id, of which only a hash is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.auth.caller import Scope
from service.errors import RequestInvalid
from service.ids import ID_LENGTH, is_id

SECRET_BYTES = 32
NAME_CHARACTERS = 80
TOKEN = re.compile(rf"sw_([0-9A-Z]{{{ID_LENGTH}}})_([A-Za-z0-9_-]{{43}})")
TENANT_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is stored of a key."""

    id: str
    tenant: str
    name: str
    """The owner's label for it."""
    scopes: frozenset[Scope]
    digest: str
    """SHA-256 of the whole token: with 256 random bits in it there is nothing to guess, so it need not be slow."""
    created_at: datetime
    revoked_at: datetime | None = None

    @property
    def is_revoked(self) -> bool:
        """Whether it opens nothing any more."""
        return self.revoked_at is not None


class KeyStore(Protocol):
    """Where keys are kept. Synchronous, safe from any thread; raises `DatabaseUnavailable`, `DiskFull`."""

    def add(self, key: ApiKey) -> None:
        """Store a new key."""
        ...

    def get(self, key_id: str) -> ApiKey | None:
        """The key, also a revoked one; or `None`."""
        ...

    def all(self) -> Sequence[ApiKey]:
        """Every key, oldest first, revoked ones too."""
        ...

    def has_any(self) -> bool:
        """Whether there was ever a key."""
        ...

    def revoke(self, key_id: str) -> ApiKey | None:
        """End a key; ending it twice changes nothing; `None`: no such key."""
        ...


def new_token(key_id: str) -> str:
    """A key's text, `sw_<id>_<256 random bits>`; shown once, never stored."""
    return f"sw_{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"


def digest_of(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def key_id_in(token: str) -> str | None:
    """The id that a token names; `None` for another shape."""
    match = TOKEN.fullmatch(token)
    return match[1] if match is not None and is_id(match[1]) else None


def is_same(token: str, digest: str) -> bool:
    """Whether `token` is the one with this digest; takes as long either way."""
    return hmac.compare_digest(digest_of(token), digest)


def checked_tenant(name: str) -> str:
    """A tenant's name as it is stored.

    Raises:
        RequestInvalid: code `tenant_invalid`.
    """
    if TENANT_NAME.fullmatch(name) is None:
        raise RequestInvalid(
            "A tenant's name has 1 to 64 small letters, digits, dots, dashes or underscores and begins with one of "
            "the first two.",
            field="tenant",
        ).with_code("tenant_invalid")
    return name


def checked_name(name: str) -> str:
    """A key's label as it is stored.

    Raises:
        RequestInvalid: code `request_invalid`; empty, too long, or with control characters.
    """
    text = " ".join(name.split())
    if not 1 <= len(text) <= NAME_CHARACTERS or not text.isprintable():
        raise RequestInvalid(
            f"A key's name has 1 to {NAME_CHARACTERS} characters, none of them invisible.", field="name"
        )
    return text


def scopes_named(names: Sequence[str]) -> frozenset[Scope]:
    """Scopes by name.

    Raises:
        RequestInvalid: None, or one that does not exist.
    """
    known = ", ".join(Scope)
    try:
        scopes = frozenset(Scope(name.strip().casefold()) for name in names)
    except ValueError as wrong:
        raise RequestInvalid(f"A scope is one of {known}.", field="scopes") from wrong
    if not scopes:
        raise RequestInvalid(f"A key needs a scope: {known}.", field="scopes")
    return scopes
