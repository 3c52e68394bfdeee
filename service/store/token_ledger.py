"""`TokenLedger` in SQL: one row for each tenant and day."""

from __future__ import annotations

from sqlalchemy import insert, select, update

from service.store.database import Database
from service.store.tables import llm_tokens


class SqlTokenLedger:
    """What each tenant's language model has used; see `service.language_model.TokenLedger`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def spent(self, tenant: str, day: str) -> int:
        """Tokens of `tenant` on `day`; 0 for an unknown one."""
        query = select(llm_tokens.c.tokens).where(llm_tokens.c.tenant == tenant, llm_tokens.c.day == day)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one_or_none() or 0)

    def add(self, tenant: str, day: str, tokens: int) -> None:
        """Count `tokens` more, in one transaction."""
        here = (llm_tokens.c.tenant == tenant, llm_tokens.c.day == day)
        with self._database.write() as connection:
            changed = connection.execute(update(llm_tokens).where(*here).values(tokens=llm_tokens.c.tokens + tokens))
            if changed.rowcount == 0:
                connection.execute(insert(llm_tokens).values(tenant=tenant, day=day, tokens=tokens))
