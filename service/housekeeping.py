"""Clears away what nobody needs any more: uploads whose job is over, old keys and messages, unnamed files."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from service.backbone import Backbone
from service.errors import ServiceError

ROUND_SECONDS = 3600.0
UPLOADS_KEPT = timedelta(hours=1)
KEYS_KEPT = timedelta(days=7)
MESSAGES_KEPT = timedelta(days=30)
"""Messages that were sent or given up; so long they can be sent again by hand."""
UNNAMED_KEPT_SECONDS = 3600.0
"""A file is written before its row; it must not look forgotten in between."""
log = logging.getLogger(__name__)


def clean(backbone: Backbone) -> tuple[int, int]:
    """One round; (records, files) that went. Blocking.

    Raises:
        DatabaseUnavailable, DiskFull: Nothing more was cleared.
    """
    now = backbone.clock()
    records = backbone.images.drop_uploads(now - UPLOADS_KEPT) + backbone.jobs.forget_keys(now - KEYS_KEPT)
    records += backbone.jobs.forget_messages(now - MESSAGES_KEPT)
    files = backbone.blobs.sweep(backbone.images.blobs(), UNNAMED_KEPT_SECONDS)
    return records, files


async def keep_clean(backbone: Backbone) -> None:
    """A round now and one every hour, until cancelled."""
    while True:
        try:
            records, files = await asyncio.to_thread(clean, backbone)
        except (ServiceError, OSError) as failed:
            log.warning("action=clean outcome=failed reason=%s", failed)
        else:
            if records or files:
                log.info("action=clean records=%d files=%d", records, files)
        await asyncio.sleep(ROUND_SECONDS)
