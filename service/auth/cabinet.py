"""Use case: the keys of this installation, made, listed and ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.auth.caller import Scope
from service.auth.keys import ApiKey, KeyStore, checked_name, checked_tenant, digest_of, new_token
from service.errors import NotFound
from service.ids import Clock, NewId


@dataclass(frozen=True, slots=True)
class KeyCabinet:
    """Synchronous; every method raises `DatabaseUnavailable` or `DiskFull` when it was not stored."""

    store: KeyStore
    clock: Clock
    new_id: NewId

    def create(self, name: str, tenant: str, scopes: frozenset[Scope]) -> tuple[ApiKey, str]:
        """A new key and its text, which is not kept and cannot be shown again.

        Raises:
            RequestInvalid: The name or the tenant.
        """
        key_id = self.new_id()
        token = new_token(key_id)
        key = ApiKey(key_id, checked_tenant(tenant), checked_name(name), scopes, digest_of(token), self.clock())
        self.store.add(key)
        return key, token

    def all(self) -> Sequence[ApiKey]:
        """Every key, oldest first, revoked ones too."""
        return self.store.all()

    def revoke(self, key_id: str) -> ApiKey:
        """End a key.

        Raises:
            NotFound: No such key.
        """
        key = self.store.revoke(key_id)
        if key is None:
            raise NotFound
        return key
