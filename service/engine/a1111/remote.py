"""The remote server's HTTP side: one client, its retries, and its answers as our errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from generator.errors import CheckpointNotFound, GeneratorError, OutOfMemory, UnsupportedSpell
from prompts.errors import SpellwrightError
from service.errors import EngineUnavailable
from service.product import PRODUCT

MAX_ANSWER_BYTES = 96 * 1024 * 1024
TRIES = 4
BUSY = (429, 502, 503, 504)
DETAIL_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class RemoteConfig:
    """Which server, and how patient to be with it."""

    url: str
    """Its root, without `/sdapi/v1`; set by the operator, so it may be anywhere."""
    auth: str = ""
    """`user:password` (A1111's --api-auth) or an API key; empty for none."""
    parallel: int = 1
    """Pictures asked for at once: A1111 draws one at a time, another Spellwright batches them."""
    timeout_seconds: float = 900.0
    """For one picture, waiting in the remote queue included."""
    poll_seconds: float = 0.5
    """Between two looks at the progress."""
    retry_seconds: float = 1.0
    """Before the second try; doubled for each further one."""


class Remote:
    """Calls the remote server; made and closed on the event loop."""

    def __init__(self, config: RemoteConfig) -> None:
        self.config = config
        basic = tuple(config.auth.split(":", 1)) if ":" in config.auth else None
        self._client = httpx.AsyncClient(
            base_url=config.url.rstrip("/"),
            auth=(basic[0], basic[1]) if basic else None,
            headers={"Authorization": f"Bearer {config.auth}"} if config.auth and basic is None else {},
            timeout=httpx.Timeout(10.0, read=config.timeout_seconds),
            limits=httpx.Limits(max_connections=config.parallel + 8),
            trust_env=False,
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def get(self, path: str, timeout_seconds: float = 20.0) -> Any:
        """The JSON at `path`; one try.

        Raises:
            EngineUnavailable, GeneratorError: See `post`.
        """
        return await self._call("GET", path, None, timeout_seconds)

    async def post(self, path: str, body: Mapping[str, Any], timeout_seconds: float | None = None) -> Any:
        """The JSON that `path` answers; one try.

        Raises:
            EngineUnavailable: No connection, no answer in time, or it does not let us in.
            CheckpointNotFound, UnsupportedSpell: It refuses what is asked for, in its words.
            OutOfMemory, GeneratorError: It failed.
        """
        return await self._call("POST", path, body, timeout_seconds or self.config.timeout_seconds)

    async def draw(self, path: str, body: Mapping[str, Any]) -> Any:
        """As `post`, tried again while the server cannot be reached or is busy: the same seed is the same picture."""
        for attempt in range(TRIES):
            try:
                return await self.post(path, body)
            except EngineUnavailable as failed:
                if attempt == TRIES - 1 or not failed.facts.get("may_retry"):
                    raise
                await asyncio.sleep(self.config.retry_seconds * 2**attempt)
        raise EngineUnavailable("The remote engine cannot be reached.")

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None, timeout_seconds: float) -> Any:
        try:
            async with (
                asyncio.timeout(timeout_seconds),
                self._client.stream(method, path, json=body) as response,
            ):
                text = await _whole(response)
        except (httpx.HTTPError, TimeoutError, OSError) as failed:
            raise _unreachable(f"The remote engine does not answer ({type(failed).__name__}).") from failed
        if response.status_code != httpx.codes.OK:
            raise _refusal(response.status_code, text)
        try:
            return json.loads(text)
        except ValueError as broken:
            raise GeneratorError("The remote engine answered with something that is no JSON.").with_code(
                "remote_invalid"
            ) from broken


def is_spellwright(extensions: object) -> bool:
    """Whether a server's list of extensions says that it is one of us."""
    rows = extensions if isinstance(extensions, list) else []
    return any(isinstance(row, dict) and row.get("name") == PRODUCT.casefold() for row in rows)


async def _whole(response: httpx.Response) -> bytes:
    pieces: list[bytes] = []
    got = 0
    async for piece in response.aiter_bytes():
        got += len(piece)
        if got > MAX_ANSWER_BYTES:
            raise httpx.ReadError("the answer is too long")
        pieces.append(piece)
    return b"".join(pieces)


def _refusal(status: int, text: bytes) -> SpellwrightError:
    """The error for an answer that is no success."""
    told = _detail(text)
    spoken = f"The remote engine says: {told}" if told else f"The remote engine answered {status}."
    if status in (401, 403):
        return EngineUnavailable(f"The remote engine does not let us in ({status}). Check remote_engine_auth.")
    if status in BUSY:
        return _unreachable(spoken)
    if "out of memory" in told.casefold():
        return OutOfMemory(spoken)
    if status in (400, 404, 413, 415, 422):
        is_model = "checkpoint" in told.casefold() or "model" in told.casefold()
        return CheckpointNotFound(spoken) if is_model else UnsupportedSpell(spoken)
    return GeneratorError(spoken).with_code("remote_failed")


def _detail(text: bytes) -> str:
    """The sentence in an error answer of A1111 or FastAPI."""
    try:
        body = json.loads(text[:65536])
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    for key in ("errors", "detail", "error"):
        value = body.get(key)
        if isinstance(value, str) and value:
            return value[:DETAIL_CHARACTERS]
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return f"{value[0].get('loc')}: {value[0].get('msg')}"[:DETAIL_CHARACTERS]
    return ""


def _unreachable(detail: str) -> EngineUnavailable:
    return EngineUnavailable(detail, may_retry=True)
