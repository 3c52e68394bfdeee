"""Language model servers that already run on this machine: Ollama, LM Studio, llama.cpp, vLLM.

Asked only when the operator wants it, only on loopback, without following redirects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import httpx

from prompts.expansion.json_text import find_object

KNOWN_PORTS: tuple[tuple[str, int], ...] = (
    ("Ollama", 11434),
    ("LM Studio", 1234),
    ("llama.cpp", 8080),
    ("vLLM", 8000),
)
_ANSWER_BYTES = 256_000
_MODELS = 50


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server on loopback that lists models in the OpenAI protocol."""

    program: str
    """What usually listens on that port; a guess."""
    base_url: str
    """For `OpenAIChatConfig.base_url`."""
    models: tuple[str, ...]
    """Names as the server gives them; may be empty."""


async def find_local_servers(
    ports: Iterable[tuple[str, int]] = KNOWN_PORTS, seconds: float = 1.0
) -> tuple[LocalServer, ...]:
    """The servers that answer, in the order of `ports`; none: an empty tuple. Never raises.

    Args:
        ports: (program, port) pairs to try on 127.0.0.1.
        seconds: How long each may take to answer.
    """
    # Proxies of the environment must not see, or answer, what is asked of this machine.
    async with httpx.AsyncClient(timeout=seconds, trust_env=False, follow_redirects=False) as client:
        found = await asyncio.gather(*(_ask(client, program, port, seconds) for program, port in ports))
    return tuple(server for server in found if server is not None)


async def _ask(client: httpx.AsyncClient, program: str, port: int, seconds: float) -> LocalServer | None:
    base_url = f"http://127.0.0.1:{port}/v1"
    try:
        async with asyncio.timeout(seconds), client.stream("GET", f"{base_url}/models") as answer:
            if answer.status_code != 200:
                return None
            body = b""
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > _ANSWER_BYTES:
                    return None
    except (httpx.HTTPError, TimeoutError):
        return None
    found = find_object(body.decode("utf-8", "replace"))
    listed = found.get("data") if found else None
    if not isinstance(listed, list):
        return None
    names = (entry.get("id") for entry in listed[:_MODELS] if isinstance(entry, dict))
    return LocalServer(program, base_url, tuple(name for name in names if isinstance(name, str) and len(name) < 200))
