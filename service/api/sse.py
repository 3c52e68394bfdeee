"""A job's life as server-sent events: a snapshot, then numbered facts, with live progress between them.

Only durable events carry an `id:`, so a client that reconnects with `Last-Event-ID` misses none of them;
progress is not kept and has none.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

from service.api.reading import sight_view
from service.bus.base import Progress
from service.ids import utc_text
from service.jobs import JobEvent
from service.services import Services
from service.sight import JobSight

HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
MEDIA_TYPE = "text/event-stream"
HEARTBEAT = b": still here\n\n"
RETRY_MILLISECONDS = 2000


def frame(event: str, data: Any, number: int | None = None) -> bytes:
    """One event; `number` becomes the client's `Last-Event-ID`."""
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {event}\ndata: {json.dumps(data, ensure_ascii=False, default=str)}\n\n".encode()


async def job_stream(services: Services, sight: JobSight, after: int | None) -> AsyncGenerator[bytes]:
    """The stream of one job.

    Args:
        services: The use cases.
        sight: The job as it was a moment ago: read before the answer begins, while it can still be a refusal.
        after: The last number the client has; `None` is a first visit: the snapshot stands for
            everything before it.
    """
    job, snapshot = sight.job, sight_view(services, sight).model_dump(mode="json")
    yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
    start = job.last_event if after is None else min(after, job.last_event)
    yield frame("snapshot", snapshot, start if start > 0 else None)
    if job.status.is_final and start == job.last_event:
        return
    async for message in services.generation.follow(job.id, start, services.settings.heartbeat_seconds):
        if message is None:
            yield HEARTBEAT
        elif isinstance(message, Progress):
            yield frame("progress", message.to_json())
        else:
            yield frame(str(message.kind), event_data(message), message.number)


def event_data(event: JobEvent) -> dict[str, Any]:
    """What an event's `data:` line holds."""
    return {"job_id": event.job_id, "number": event.number, "at": utc_text(event.at), **event.data}
