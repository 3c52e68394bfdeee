"""A language model's server that already runs on this machine, found at the start when the operator wants that."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from service.settings import Settings

if TYPE_CHECKING:
    from prompts.expansion.local_servers import LocalServer

PROBE_SECONDS = 1.0
log = logging.getLogger(__name__)


async def with_local_model(settings: Settings) -> Settings:
    """`settings` with the address and model of the first server found; unchanged when one is configured already.

    Asks loopback only. A server that does not have the model that was asked for by name is passed over.
    """
    if not settings.llm_discover or settings.has_llm:
        return settings
    # Loads an HTTP client, a sixth of the start-up time.
    from prompts.expansion.local_servers import KNOWN_PORTS, find_local_servers  # noqa: PLC0415

    programs = {port: program for program, port in KNOWN_PORTS}
    ports = [(programs.get(port, "server"), port) for port in settings.llm_discover_ports]
    found = await find_local_servers(ports, PROBE_SECONDS)
    wanted = settings.llm_model if "llm_model" in settings.model_fields_set else None
    choice = _choice(found, wanted)
    if choice is None:
        log.info("action=discover_llm outcome=none")
        return settings
    server, model = choice
    log.info("action=discover_llm outcome=found program=%s model=%s", server.program, model)
    return settings.model_copy(update={"llm_base_url": server.base_url, "llm_model": model})


def _choice(servers: Sequence[LocalServer], wanted: str | None) -> tuple[LocalServer, str] | None:
    for server in servers:
        if wanted is None and server.models:
            return server, server.models[0]
        if wanted in server.models:
            return server, str(wanted)
    return None
