"""Use case: the keys of this installation, made, listed and ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.audit import KEY_CREATED, KEY_REVOKED, AuditLog
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
    audit: AuditLog | None = None
    """Where keys that are made and ended, and keys that open nothing, are written down."""

    def create(self, name: str, tenant: str, scopes: frozenset[Scope]) -> tuple[ApiKey, str]:
        """A new key and its text, which is not kept and cannot be shown again.

        Raises:
            RequestInvalid: The name or the tenant.
        """
        key_id = self.new_id()
        token = new_token(key_id)
        key = ApiKey(key_id, checked_tenant(tenant), checked_name(name), scopes, digest_of(token), self.clock())
        self.store.add(key)
        self.note(KEY_CREATED, "done", key_id, of_tenant=key.tenant, scopes=sorted(scopes))
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
        self.note(KEY_REVOKED, "done", key.id, of_tenant=key.tenant)
        return key

    def note(self, action: str, outcome: str, key_id: str, **facts: str | list[str]) -> None:
        """Write it down, where there is a log."""
        if self.audit is not None:
            self.audit.record(action, outcome, key_id, **facts)
