"""Requests that this server sends: parsed once, resolved once, sent to exactly the address that was checked.

Whoever may choose the address decides the rule. One that the operator set may be anywhere; one that came with
a request must be public, so that nobody can look through this server into the network behind it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from generator.models.guarded import is_public
from service.errors import OutboundFailed, UrlNotAllowed

if TYPE_CHECKING:
    import httpx

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""(host, port) -> every address of the host."""
DEFAULT_PORTS = {"https": 443, "http": 80}
NOT_ALLOWED = "This address is not allowed. Use https with a public host name, or ask the operator."
"""For a forbidden and for an unknown name: whoever asks must not learn which names there are inside."""


@dataclass(frozen=True, slots=True)
class OutboundRules:
    """What may be called."""

    allows_private: bool = False
    """Loopback, private and link-local addresses."""
    allows_http: bool = False
    """Without TLS."""
    ports: frozenset[int] | None = frozenset({80, 443, 8080, 8443})
    """Ports; `None` is any."""


ANYWHERE = OutboundRules(allows_private=True, allows_http=True, ports=None)
"""For addresses that the operator wrote into the settings."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    body: bytes
    """At most as many bytes as were asked for."""


class Outbound:
    """Sends requests by the rules: no redirects, no cookies, no proxy of the environment.

    Args:
        rules: What may be called.
        resolve: Gives a host's addresses; the system's resolver unless a test brings its own.
        timeout_seconds: For the whole request.
    """

    def __init__(self, rules: OutboundRules, resolve: Resolve | None = None, timeout_seconds: float = 10.0) -> None:
        self._rules = rules
        self._resolve = resolve or _system_addresses
        self._timeout_seconds = timeout_seconds

    def check(self, url: str) -> SplitResult:
        """The parts of `url`, when it may be called as far as it can be told without asking for its address.

        Raises:
            UrlNotAllowed: The same words for every reason, so that nothing is learnt by asking.
        """
        if any(c <= " " or c == "\\" or c > "~" for c in url) or len(url) > 2000:
            raise UrlNotAllowed(NOT_ALLOWED)
        try:
            parts = urlsplit(url)
            port = DEFAULT_PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
        except ValueError as odd:
            raise UrlNotAllowed(NOT_ALLOWED) from odd
        schemes = ("https", "http") if self._rules.allows_http else ("https",)
        is_known_port = self._rules.ports is None or port in self._rules.ports
        if parts.scheme not in schemes or not parts.hostname or "@" in parts.netloc or not is_known_port:
            raise UrlNotAllowed(NOT_ALLOWED)
        if not self._rules.allows_private and _is_plainly_inside(parts.hostname):
            raise UrlNotAllowed(NOT_ALLOWED)
        return parts

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], max_reply_bytes: int = 4096) -> Reply:
        """Send `body` and read at most `max_reply_bytes` of the answer.

        Raises:
            UrlNotAllowed: The address, or one of those it stands for, may not be called.
            OutboundFailed: No connection, no answer in time.
        """
        import httpx  # noqa: PLC0415 (a sixth of the start-up time, and most servers send nothing)

        parts = self.check(url)
        port = parts.port or DEFAULT_PORTS[parts.scheme]
        host = parts.hostname or ""
        address = await self._address(host, port)
        shown = f"[{address}]" if ":" in address else address
        target = parts._replace(netloc=f"{shown}:{port}", fragment="").geturl()
        own = {"Host": parts.netloc, "User-Agent": "Spellwright", "Accept-Encoding": "identity"}
        try:
            async with (
                asyncio.timeout(self._timeout_seconds),
                httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=self._timeout_seconds) as client,
                client.stream(
                    "POST", target, content=body, headers={**headers, **own}, extensions={"sni_hostname": host}
                ) as response,
            ):
                return Reply(response.status_code, await _beginning(response, max_reply_bytes))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError, OSError) as failed:
            raise OutboundFailed(f"The receiver did not answer ({type(failed).__name__}).") from failed

    async def _address(self, host: str, port: int) -> str:
        """The address to connect to; every address of the host must be allowed."""
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as unknown:  # a label that is empty or too long is the latter
            if not self._rules.allows_private:
                raise UrlNotAllowed(NOT_ALLOWED) from unknown
            raise OutboundFailed("The receiver's name is not known.") from unknown
        if not addresses or not all(self._rules.allows_private or is_public(a) for a in addresses):
            raise UrlNotAllowed(NOT_ALLOWED)
        return addresses[0]


async def _beginning(response: httpx.Response, limit: int) -> bytes:
    got = b""
    async for piece in response.aiter_raw():
        got += piece[: limit - len(got)]
        if len(got) >= limit:
            break
    return got


def _is_plainly_inside(host: str) -> bool:
    """Whether a host, as it is written, stands for an address inside: no resolver has to be asked."""
    if host.rstrip(".").rpartition(".")[2] == "localhost":
        return True
    try:
        address = str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        try:
            address = socket.inet_ntoa(socket.inet_aton(host))  # 2130706433, 0x7f.1, 017700000001 and their kind
        except OSError:
            return False  # a name
    return not is_public(address)


async def _system_addresses(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]
