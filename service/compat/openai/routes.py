"""Every route of the OpenAI door."""

from __future__ import annotations

from service.compat.openai import chat, edits, images, models

ROUTERS = (models.router, images.router, edits.router, chat.router)
