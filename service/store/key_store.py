"""API keys in SQL: a name, whose they are, and a digest; never the key itself."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, insert, select, update

from service.auth.caller import Scope
from service.auth.keys import ApiKey
from service.ids import Clock, utc_from_text, utc_now, utc_text
from service.store.database import Database
from service.store.tables import api_keys
from service.store.turns import enter


class SqlKeyStore:
    """See `service.auth.keys.KeyStore`."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def add(self, key: ApiKey) -> None:
        """Store a new key."""
        row = {
            "id": key.id,
            "tenant": key.tenant,
            "name": key.name,
            "scopes": " ".join(sorted(key.scopes)),
            "digest": key.digest,
            "created_at": utc_text(key.created_at),
            "revoked_at": None,
        }
        with self._database.write() as connection:
            enter(connection, key.tenant)
            connection.execute(insert(api_keys).values(**row))

    def get(self, key_id: str) -> ApiKey | None:
        """The key, also a revoked one; or `None`."""
        with self._database.read() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).mappings().one_or_none()
        return None if row is None else _key_of(row)

    def all(self) -> Sequence[ApiKey]:
        """Every key, oldest first, revoked ones too."""
        with self._database.read() as connection:
            return [_key_of(row) for row in connection.execute(select(api_keys).order_by(api_keys.c.id)).mappings()]

    def has_any(self) -> bool:
        """Whether there was ever a key: then nobody comes in without one, also when all are revoked."""
        with self._database.read() as connection:
            return connection.execute(select(api_keys.c.id).limit(1)).first() is not None

    def revoke(self, key_id: str) -> ApiKey | None:
        """End a key; ending it twice changes nothing; `None`: no such key."""
        open_key = (api_keys.c.id == key_id) & api_keys.c.revoked_at.is_(None)
        with self._database.write() as connection:
            connection.execute(update(api_keys).where(open_key).values(revoked_at=utc_text(self._clock())))
        return self.get(key_id)


def _key_of(row: RowMapping) -> ApiKey:
    revoked = row["revoked_at"]
    return ApiKey(
        id=row["id"],
        tenant=row["tenant"],
        name=row["name"],
        scopes=frozenset(Scope(name) for name in row["scopes"].split()),
        digest=row["digest"],
        created_at=utc_from_text(row["created_at"]),
        revoked_at=None if revoked is None else utc_from_text(revoked),
    )
