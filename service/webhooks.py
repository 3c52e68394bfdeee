"""Use case: somebody else's server is told when a job is over. Signed, tried again, and kept until it worked.

The message is stored with the job, in its transaction, so no end of a job is forgotten; a receiver may hear
the same one twice and knows it by its id.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, Self

from service.backbone import Backbone
from service.errors import DatabaseUnavailable, DiskFull, NotFound, OutboundFailed, UrlNotAllowed
from service.ids import utc_text
from service.jobs import Job
from service.outbound import Outbound

MAX_ATTEMPTS = 5
WAITS_SECONDS = (10.0, 60.0, 600.0, 3600.0)
"""Before the second, third, … try."""
AT_ONCE = 20
LEASE_SECONDS = 60.0  # a sender that dies is followed by another after so long
SIGNATURE_HEADER = "X-Spellwright-Signature"
log = logging.getLogger(__name__)


class DeliveryStatus(StrEnum):
    """Where a message is."""

    WAITING = "waiting"
    """Its job is not over, or the next try is not due."""
    SENT = "sent"
    """The receiver answered with 2xx."""
    DEAD = "dead"
    """Given up after `MAX_ATTEMPTS`; it can be tried again by hand."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one receiver."""

    id: str
    job_id: str
    tenant: str
    url: str
    status: DeliveryStatus
    attempts: int
    due_at: datetime
    created_at: datetime
    answer: int | None = None
    """HTTP status of the last try; `None` when nothing answered."""
    error: str = ""
    """Why the last try failed."""


class DeliveryStore(Protocol):
    """Messages; synchronous, one transaction each, as the stores of `service.store.base`."""

    def of(self, tenant: str) -> Self:
        """The same messages as far as `tenant` sees them."""
        ...

    def take_due(self, now: datetime, until: datetime, limit: int) -> Sequence[Delivery]:
        """Messages whose job is over and whose try is due, now this sender's `until` then; attempts are counted."""
        ...

    def note(self, delivery: Delivery) -> None:
        """Store how a try went."""
        ...

    def page(self, limit: int, before: str | None = None) -> Sequence[Delivery]:
        """Newest first; `before` is the last id of the page above."""
        ...

    def again(self, delivery_id: str, now: datetime) -> Delivery | None:
        """Make a message due at once, with its tries counted from the beginning; `None`: no such message."""
        ...


@dataclass(frozen=True, slots=True)
class WebhookConfig:
    """What the operator decides."""

    secret: bytes
    url: str | None = None
    """Told of every job; may be anywhere."""
    waits_seconds: tuple[float, ...] = WAITS_SECONDS
    look_seconds: float = 1.0
    """Between two looks for messages that are due."""


class Webhooks:
    """Sends what is due, and shows how it went.

    Args:
        backbone: Reads the jobs and their pictures.
        store: The messages.
        config: The operator's wishes.
        own: For the operator's own address.
        foreign: For addresses that came with a request.
    """

    def __init__(
        self, backbone: Backbone, store: DeliveryStore, config: WebhookConfig, own: Outbound, foreign: Outbound
    ) -> None:
        self._backbone = backbone
        self._store = store
        self._config = config
        self._own = own
        self._foreign = foreign

    async def run(self) -> None:
        """Send for ever; cancel it to stop. A message in flight then is sent again by the next process."""
        while True:
            try:
                sent = await self.send_due()
            except (DatabaseUnavailable, DiskFull) as failed:
                log.warning("action=webhooks outcome=failed code=%s", failed.stable_code)
                sent = 0
            if not sent:
                await asyncio.sleep(self._config.look_seconds)

    async def send_due(self) -> int:
        """Send what is due now; returns how many tries were made."""
        now = self._backbone.clock()
        until = now + timedelta(seconds=LEASE_SECONDS)
        due = await asyncio.to_thread(self._store.take_due, now, until, AT_ONCE)
        await asyncio.gather(*(self._send(delivery) for delivery in due))
        return len(due)

    async def _send(self, delivery: Delivery) -> None:
        job = await asyncio.to_thread(self._backbone.jobs.get, delivery.job_id)
        if job is None:
            return
        body = await self._body(delivery, job)
        client = self._own if delivery.url == self._config.url else self._foreign
        headers = signed_headers(body, self._config.secret, int(self._backbone.clock().timestamp()), delivery.id)
        answer, error = None, ""
        try:
            reply = await client.post(delivery.url, body, headers)
            answer, error = reply.status, "" if 200 <= reply.status < 300 else f"It answered {reply.status}."
        except (UrlNotAllowed, OutboundFailed) as failed:
            error = failed.detail
        except Exception:  # the rim of the sender: one odd receiver must not keep the messages of all from going out
            log.exception("action=webhook delivery=%s outcome=bug", delivery.id)
            error = "It could not be sent because of a fault in this program; the log has the reason."
        await asyncio.to_thread(self._store.note, self._after(delivery, answer, error))
        log.info(
            "action=webhook job=%s delivery=%s attempt=%d outcome=%s",
            delivery.job_id,
            delivery.id,
            delivery.attempts,
            "sent" if not error else "failed",
        )

    def _after(self, delivery: Delivery, answer: int | None, error: str) -> Delivery:
        now = self._backbone.clock()
        due_at, status = now, DeliveryStatus.SENT
        if error and delivery.attempts >= MAX_ATTEMPTS:
            status = DeliveryStatus.DEAD
        elif error:
            waits = self._config.waits_seconds
            due_at = now + timedelta(seconds=waits[min(delivery.attempts - 1, len(waits) - 1)])
            status = DeliveryStatus.WAITING
        return Delivery(
            id=delivery.id,
            job_id=delivery.job_id,
            tenant=delivery.tenant,
            url=delivery.url,
            status=status,
            attempts=delivery.attempts,
            due_at=due_at,
            created_at=delivery.created_at,
            answer=answer,
            error=error,
        )

    async def _body(self, delivery: Delivery, job: Job) -> bytes:
        images = await asyncio.to_thread(self._backbone.images.of_job, job.id)
        problem = job.problem
        message: dict[str, Any] = {
            "id": delivery.id,
            "event": f"job.{job.status}",
            "job": {
                "id": job.id,
                "kind": str(job.kind),
                "status": str(job.status),
                "count": job.count,
                "spell_id": job.spell_id,
                "spell_version": job.spell_version,
                "images": [
                    {
                        "id": image.id,
                        "slot": image.slot,
                        "seed": image.spell.params.seed,
                        "width": image.width,
                        "height": image.height,
                        "sha256": image.sha256,
                        "url": f"/api/images/{image.id}",
                    }
                    for image in images
                ],
                "problem": None if problem is None else {"code": problem.code, "detail": problem.detail},
                "created_at": utc_text(job.created_at),
                "url": f"/api/jobs/{job.id}",
            },
        }
        return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


class Deliveries:
    """A tenant's look at its messages."""

    def __init__(self, backbone: Backbone, store: DeliveryStore) -> None:
        self._clock = backbone.clock
        self._store = store

    async def page(self, limit: int, before: str | None = None) -> Sequence[Delivery]:
        """Newest first; `before` is the last id of the page above."""
        return await asyncio.to_thread(self._store.page, limit, before)

    async def again(self, delivery_id: str) -> Delivery:
        """Try a message again at once.

        Raises:
            NotFound: No such message.
        """
        found = await asyncio.to_thread(self._store.again, delivery_id, self._clock())
        if found is None:
            raise NotFound
        return found


def signed_headers(body: bytes, secret: bytes, at: int, delivery_id: str) -> dict[str, str]:
    """The headers of a message: `t` is the Unix time, `v1` HMAC-SHA256 over `t`, a dot and the body, in hex."""
    digest = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        SIGNATURE_HEADER: f"t={at},v1={digest}",
        "X-Spellwright-Delivery": delivery_id,
    }


def is_genuine(body: bytes, header: str, secret: bytes, now: int, tolerance_seconds: int = 300) -> bool:
    """Whether a message came from whoever knows the secret, and lately: for receivers."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    if not parts.get("t", "").isdecimal() or abs(now - int(parts["t"])) > tolerance_seconds:
        return False
    digest = hmac.new(secret, f"{parts['t']}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(digest, parts.get("v1", ""))
