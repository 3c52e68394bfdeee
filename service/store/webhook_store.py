"""`DeliveryStore` in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Connection, RowMapping, insert, select, update

from service.ids import utc_from_text, utc_text
from service.jobs import JobStatus
from service.store.database import Database
from service.store.tables import jobs, webhook_deliveries
from service.webhooks import Delivery, DeliveryStatus

OVER = tuple(str(status) for status in JobStatus if status.is_final)


class SqlDeliveryStore:
    """See `service.webhooks.DeliveryStore`.

    Args:
        database: Where they are.
        tenant: Whose messages this store sees; `None` sees all of them (the sender).
    """

    def __init__(self, database: Database, tenant: str | None = None) -> None:
        self._database = database
        self._tenant = tenant

    def of(self, tenant: str) -> Self:
        """The same messages as far as `tenant` sees them."""
        return type(self)(self._database, tenant)

    def take_due(self, now: datetime, until: datetime, limit: int) -> Sequence[Delivery]:
        """See `DeliveryStore.take_due`."""
        table = webhook_deliveries
        due = (table.c.status == str(DeliveryStatus.WAITING)) & (table.c.due_at <= utc_text(now))
        query = select(table).join(jobs, jobs.c.id == table.c.job_id).where(due, jobs.c.status.in_(OVER))
        with self._database.read() as connection:
            found = [
                _delivery_of(row) for row in connection.execute(query.order_by(table.c.id).limit(limit)).mappings()
            ]
        return [mine for delivery in found if (mine := self._taken(delivery, until)) is not None]

    def _taken(self, delivery: Delivery, until: datetime) -> Delivery | None:
        """The message with its try counted; `None` when another sender was quicker."""
        table = webhook_deliveries
        same = (table.c.id == delivery.id) & (table.c.due_at == utc_text(delivery.due_at))
        values = {"due_at": utc_text(until), "attempts": table.c.attempts + 1}
        with self._database.write() as connection:
            if connection.execute(update(table).where(same).values(**values)).rowcount != 1:
                return None
            return _one(connection, delivery.id)

    def note(self, delivery: Delivery) -> None:
        """See `DeliveryStore.note`."""
        values = {
            "status": str(delivery.status),
            "due_at": utc_text(delivery.due_at),
            "answer": delivery.answer,
            "error": delivery.error[:500],
        }
        with self._database.write() as connection:
            connection.execute(
                update(webhook_deliveries).where(webhook_deliveries.c.id == delivery.id).values(**values)
            )

    def page(self, limit: int, before: str | None = None) -> Sequence[Delivery]:
        """See `DeliveryStore.page`."""
        query = self._mine(select(webhook_deliveries)).order_by(webhook_deliveries.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(webhook_deliveries.c.id < before)
        with self._database.read() as connection:
            return [_delivery_of(row) for row in connection.execute(query).mappings()]

    def again(self, delivery_id: str, now: datetime) -> Delivery | None:
        """See `DeliveryStore.again`."""
        values = {"status": str(DeliveryStatus.WAITING), "due_at": utc_text(now), "attempts": 0, "error": ""}
        mine = self._mine(update(webhook_deliveries).where(webhook_deliveries.c.id == delivery_id))
        with self._database.write() as connection:
            is_there = connection.execute(mine.values(**values)).rowcount == 1
            return _one(connection, delivery_id) if is_there else None

    def _mine(self, query: Any) -> Any:
        return query if self._tenant is None else query.where(webhook_deliveries.c.tenant == self._tenant)


def add_delivery(connection: Connection, delivery: Delivery) -> None:
    """Store a new message inside the transaction of its job."""
    connection.execute(
        insert(webhook_deliveries).values(
            id=delivery.id,
            tenant=delivery.tenant,
            job_id=delivery.job_id,
            url=delivery.url,
            status=str(delivery.status),
            attempts=delivery.attempts,
            due_at=utc_text(delivery.due_at),
            answer=delivery.answer,
            error=delivery.error,
            created_at=utc_text(delivery.created_at),
        )
    )


def _one(connection: Connection, delivery_id: str) -> Delivery:
    query = select(webhook_deliveries).where(webhook_deliveries.c.id == delivery_id)
    return _delivery_of(connection.execute(query).mappings().one())


def _delivery_of(row: RowMapping) -> Delivery:
    return Delivery(
        id=row["id"],
        job_id=row["job_id"],
        tenant=row["tenant"],
        url=row["url"],
        status=DeliveryStatus(row["status"]),
        attempts=row["attempts"],
        due_at=utc_from_text(row["due_at"]),
        created_at=utc_from_text(row["created_at"]),
        answer=row["answer"],
        error=row["error"],
    )
