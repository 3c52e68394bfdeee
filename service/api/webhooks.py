"""Routes of webhooks: how the messages about finished jobs went."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from service.api.deps import Before, IdDep, Limit, ServicesDep
from service.webhooks import Delivery

router = APIRouter(prefix="/api/webhooks/deliveries", tags=["webhooks"])


class DeliveryView(BaseModel):
    """One message and its tries."""

    id: str
    job_id: str
    url: str
    status: str
    """`waiting`, `sent` or `dead`."""
    attempts: int
    due_at: datetime
    answer: int | None
    error: str
    created_at: datetime

    @classmethod
    def of(cls, delivery: Delivery) -> DeliveryView:
        """The view of a message."""
        names = ("id", "job_id", "url", "attempts", "due_at", "answer", "error", "created_at")
        return cls(status=str(delivery.status), **{name: getattr(delivery, name) for name in names})


class DeliveryPage(BaseModel):
    """A page of messages, newest first."""

    deliveries: list[DeliveryView]
    next_before: str | None


@router.get("")
async def list_deliveries(services: ServicesDep, limit: Limit = 50, before: Before = None) -> DeliveryPage:
    """Messages about finished jobs, newest first."""
    found = await services.deliveries.page(limit, before)
    more = found[-1].id if len(found) == limit else None
    return DeliveryPage(deliveries=[DeliveryView.of(delivery) for delivery in found], next_before=more)


@router.post("/{id}/retry", status_code=202)
async def retry_delivery(delivery_id: IdDep, services: ServicesDep) -> DeliveryView:
    """Send a message again at once, with its tries counted from the beginning."""
    return DeliveryView.of(await services.deliveries.again(delivery_id))
